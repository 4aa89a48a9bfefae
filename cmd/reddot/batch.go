package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"reddot/cmd/reddot/counts"
	"reddot/events"
)

// batch is conversations of one user, as many as one command imports.
type batch struct {
	user          string
	line          int // of the first row; 0: it is of no file
	conversations []events.Import
}

// batcher makes rows into batches: rows of one user that follow each other. It holds
// one batch and one row.
type batcher struct {
	from *origin
	bad  func(*counts.RowError) error // what becomes of a bad row: nil passes over it

	held  counts.Row // the first row of the next batch
	holds bool
	size  int                           // of the batch, an upper bound in bytes
	named map[events.ConversationID]int // the lines of its conversations
}

// entrySize bounds what an entry of an import takes beside its ids and labels, in bytes:
// the names of its fields, and its numbers.
const entrySize = 192

// entryText is what a text of an entry takes beside itself: msgpack's head.
const entryText = 5

// next returns the next batch, and io.EOF behind the last one.
func (b *batcher) next(ctx context.Context) (*batch, error) {
	var now *batch
	b.size, b.named = 0, map[events.ConversationID]int{}
	for {
		row, err := b.row(ctx)
		if errors.Is(err, io.EOF) && now != nil {
			return now, nil
		}
		if err != nil {
			return nil, err
		}
		entry, err := b.entry(&row, now)
		if wrong, ok := errors.AsType[*counts.RowError](err); ok {
			if err := b.bad(wrong); err != nil {
				return nil, err
			}
			continue
		}
		size := sizeOf(&entry)
		if now != nil && (row.User != now.user || len(now.conversations) == events.MaxImports || b.size+size > events.MaxPayload-entrySize) {
			b.held, b.holds = row, true
			return now, nil
		}
		if now == nil {
			now = &batch{user: row.User, line: row.Line}
		}
		b.size += size
		b.named[entry.Conversation] = row.Line
		now.conversations = append(now.conversations, entry)
	}
}

// row returns the next good row.
func (b *batcher) row(ctx context.Context) (counts.Row, error) {
	if b.holds {
		b.holds = false
		return b.held, nil
	}
	for {
		row, err := b.from.next(ctx)
		wrong, ok := errors.AsType[*counts.RowError](err)
		if !ok {
			return row, err
		}
		if err := b.bad(wrong); err != nil {
			return row, err
		}
	}
}

// entry is a row as an import has it. A [counts.RowError] says why no import may.
func (b *batcher) entry(row *counts.Row, now *batch) (events.Import, error) {
	entry := events.Import{Conversation: row.Conversation, Unread: row.Unread, Mentions: row.Mentions,
		ReadAt: row.ReadAt, HasReadAt: row.HasReadAt, Labels: row.Labels}
	if row.Muted {
		entry.Level = events.LevelNone
	}
	if row.Last != (events.LastMessage{}) {
		entry.LastMessage = &events.ImportMessage{ID: row.Last.ID, From: row.Last.From, At: row.Last.At}
	}
	place := "line " + strconv.Itoa(row.Line)
	if row.Line == 0 {
		place = fmt.Sprintf("user %q, %s", row.User, row.Conversation)
	}
	if err := entry.Validate(); err != nil {
		return entry, &counts.RowError{Place: place, Err: errors.New(strings.TrimPrefix(err.Error(), "conversations: "))}
	}
	if line, twice := b.named[entry.Conversation]; twice && now != nil && row.User == now.user {
		return entry, &counts.RowError{Place: place, Err: fmt.Errorf("%s of %q is in line %d already", row.Conversation, row.User, line)}
	}
	return entry, nil
}

// sizeOf is what an entry takes in a command, an upper bound in bytes.
func sizeOf(i *events.Import) int {
	size := entrySize + entryText + len(i.Conversation.String())
	for _, label := range i.Labels {
		size += entryText + len(label)
	}
	if m := i.LastMessage; m != nil {
		size += 2*entryText + len(m.ID) + len(m.From)
	}
	return size
}
