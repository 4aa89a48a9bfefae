package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"reddot/api/client"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

const (
	frameGap   = 40 * time.Millisecond  // shortest time from one frame to the next
	frameCheck = 300 * time.Millisecond // longest: then a new size of the terminal is noticed
	startWait  = 20 * time.Second       // for the first lists
	checkWait  = 10 * time.Second       // for the last changes to be heard
)

// Config says what to play, and where.
type Config struct {
	Client *client.Client // of a reddot without users; its connection stays the caller's
	Seed   uint64         // what happens, and in which order
	Speed  float64        // 1 is human pace, 10 ten times as fast

	// Terminal is drawn on, until the show is over. Without one, a line for
	// everything that happens or is heard is written to Lines.
	Terminal *term.Screen
	Lines    io.Writer
	Zone     *time.Location // times of day are shown in it
}

// Run plays until over is done, and then compares what was shown with what the
// queries answer. The summary says so; if they differ, the error says where.
// ctx ends with the server: before over is done that is an error.
func Run(ctx, over context.Context, cfg Config) (summary string, err error) {
	s, err := newStage(cfg)
	if err != nil {
		return "", err
	}
	for _, a := range s.script.prologue() {
		if err := s.perform(ctx, &a); err != nil {
			return "", err
		}
	}
	if err := s.client.WaitApplied(ctx, s.last); err != nil {
		return "", err
	}
	hang, err := s.listen(ctx)
	defer hang()
	if err != nil {
		return "", err
	}
	if err := s.play(ctx, over); err != nil {
		return "", err
	}
	if summary, err = s.check(ctx); err != nil {
		return "", err
	}
	return summary, s.leaveLists()
}

// stage is one performance.
type stage struct {
	cfg    Config
	client *client.Client
	cast   *cast
	script *script
	board  *board
	broken chan error  // has the error when a line could not be written
	clock  events.Time // of the last command
	last   events.Seq  // of it
}

func newStage(cfg Config) (*stage, error) {
	if cfg.Speed <= 0 {
		return nil, fmt.Errorf("speed %v: use one above 0", cfg.Speed)
	}
	s := &stage{cfg: cfg, client: cfg.Client, cast: newCast(), broken: make(chan error, 1)}
	var log func(string)
	if cfg.Terminal == nil {
		log = s.writeLine
	}
	s.script = newScript(s.cast, cfg.Seed)
	s.board = newBoard(s.cast.shown, cfg.Zone, log)
	return s, nil
}

// writeLine is called for one line at a time.
func (s *stage) writeLine(text string) {
	if _, err := fmt.Fprintln(s.cfg.Lines, text); err != nil {
		select {
		case s.broken <- fmt.Errorf("write a line: %w", err):
		default:
		}
	}
}

// perform has one thing happen.
func (s *stage) perform(ctx context.Context, a *act) error {
	s.clock = max(s.clock+1, events.Time(time.Now().UnixMilli()))
	s.board.happens(a)
	for _, c := range a.commands {
		seq, err := s.client.Send(ctx, c, client.At(time.UnixMilli(int64(s.clock))))
		if err != nil {
			return fmt.Errorf("%s: %w", a.words, err)
		}
		s.last = seq
	}
	return nil
}

// listen has the board hear the users whose lists are shown, and returns once
// it shows their state. hang ends the listening.
func (s *stage) listen(ctx context.Context) (hang func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	var subs []*client.Subscription
	hang = func() {
		for _, sub := range subs {
			sub.Close()
			<-sub.Done()
		}
	}
	for _, p := range s.board.panels() {
		sub, err := s.client.User(p.user).Listen(s.board.listener(p))
		if err != nil {
			return hang, fmt.Errorf("listen to %s: %w", p.user, err)
		}
		subs = append(subs, sub)
	}
	for _, sub := range subs {
		select {
		case <-sub.Ready():
		case <-ctx.Done():
			return hang, fmt.Errorf("read the first lists: %w", ctx.Err())
		}
	}
	return hang, nil
}

// play performs the script until over is done.
func (s *stage) play(ctx, over context.Context) error {
	show, end := context.WithCancel(over)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, end)()
	g.Go(func() error {
		for {
			a := s.script.next()
			select {
			case <-time.After(time.Duration(float64(a.pause) / s.cfg.Speed)):
			case err := <-s.broken:
				return err
			case <-show.Done():
				return nil
			}
			if err := s.perform(ctx, &a); err != nil {
				return err
			}
		}
	})
	if s.cfg.Terminal != nil {
		g.Go(func() error { return s.project(show) })
	}
	return g.Wait()
}

// project keeps the screen up to date until the show is over.
func (s *stage) project(show context.Context) (err error) {
	screen := s.cfg.Terminal
	if err := screen.Open(); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	defer func() { err = errors.Join(err, screen.Close()) }()
	check := time.NewTicker(frameCheck)
	defer check.Stop()
	for {
		if err := screen.Draw(func(columns, lines int) []string { return s.picture().rendered(columns, lines, screen.Color) }); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		select {
		case <-show.Done():
			return nil
		case <-time.After(frameGap):
		}
		select {
		case <-show.Done():
			return nil
		case <-check.C:
		case <-s.board.changed:
		}
	}
}

func (s *stage) picture() picture {
	p := s.board.picture()
	p.title = fmt.Sprintf("seed %d · speed %v · Ctrl-C ends", s.cfg.Seed, s.cfg.Speed)
	return p
}

// leaveLists writes the lists as they are at the end where the screen was.
func (s *stage) leaveLists() error {
	t := s.cfg.Terminal
	if t == nil {
		return nil
	}
	columns, _, err := t.Size()
	if err != nil {
		return fmt.Errorf("ask for the size of the terminal: %w", err)
	}
	var b strings.Builder
	for _, l := range s.picture().body(max(columns, minWidth), math.MaxInt, t.Color) {
		b.WriteString(l.fit(columns).trim().render(t.Color) + "\n")
	}
	_, err = io.WriteString(t.Out, b.String())
	return err
}
