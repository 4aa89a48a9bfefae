package demo

import (
	"context"
	"errors"
	"fmt"

	"reddot/api/client"
	"reddot/events"
)

// answer is what the queries say of one user.
type answer struct {
	list     events.ConversationsReply
	receipts map[string]events.ReceiptReply // by peer; those that there are
}

// check compares the board with the answers of the queries once the last
// command is applied. Its events may still be on their way, so the board has
// some time to become what it must.
func (s *stage) check(ctx context.Context) (summary string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	conversations, receipts := 0, 0
	answers := map[string]*answer{}
	for _, user := range s.cast.shown {
		a, err := s.ask(ctx, user)
		if err != nil {
			return "", fmt.Errorf("compare with the queries: %w", err)
		}
		answers[user] = a
		conversations += len(a.list.Conversations)
		receipts += len(a.receipts)
	}
	for {
		diff := s.board.differs(answers)
		if diff == "" {
			return fmt.Sprintf("checked: the lists equal what the queries answer (%d conversations, %d receipts)", conversations, receipts), nil
		}
		select {
		case <-s.board.changed:
		case <-ctx.Done():
			return "", fmt.Errorf("what was shown differs from the answers of the queries: %s: please report it as a defect, with --seed %d", diff, s.cfg.Seed)
		}
	}
}

// ask reads a user's list and receipts as they are after the last command.
func (s *stage) ask(ctx context.Context, user string) (*answer, error) {
	u := s.client.User(user)
	list, err := u.Page(ctx, events.ConversationsRequest{Limit: new(events.MaxLimit)}, client.After(s.last))
	if err != nil {
		return nil, err
	}
	a := &answer{list: list, receipts: map[string]events.ReceiptReply{}}
	for _, peer := range s.cast.people {
		r, err := u.PeerReceipt(ctx, peer, client.After(s.last))
		switch {
		case err == nil:
			a.receipts[peer] = r
		case !errors.Is(err, client.ErrNotFound):
			return nil, err
		}
	}
	return a, nil
}

// differs says where the board differs from the answers, or nothing.
func (b *board) differs(answers map[string]*answer) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.mu.panels {
		if diff := p.differs(answers[p.user]); diff != "" {
			return p.user + "'s " + diff
		}
	}
	return ""
}

func (p *panel) differs(a *answer) string {
	if p.totals != a.list.Totals {
		return fmt.Sprintf("totals are %+v, not %+v", a.list.Totals, p.totals)
	}
	shown := p.ordered()
	if len(shown) != len(a.list.Conversations) {
		return fmt.Sprintf("list has %d conversations, not %d", len(a.list.Conversations), len(shown))
	}
	for i, c := range shown {
		if now := a.list.Conversations[i]; !looks(c).Equal(looks(now)) {
			return fmt.Sprintf("list has at place %d %+v, not %+v", i+1, looks(now), looks(c))
		}
	}
	if len(p.receipts) != len(a.receipts) {
		return fmt.Sprintf("receipts are %d, not %d", len(a.receipts), len(p.receipts))
	}
	for peer, r := range p.receipts {
		if now := a.receipts[peer]; now.Upto != r.Upto || now.At != r.At {
			return fmt.Sprintf("receipt of %s is %+v, not %+v", peer, now, r)
		}
	}
	return ""
}

// looks is all of a conversation that can be seen. Its version is not: it may
// grow without a change that is reported.
func looks(c events.Conversation) events.Conversation {
	c.Version = 0
	return c
}
