package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// statusConfig is the command line of status.
type statusConfig struct {
	clientConfig
	afterSeq uint64
	json     bool
}

func (a *app) statusCommand() *cobra.Command {
	var cfg statusConfig
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: groupClient,
		Short:   "Show how far the server is and what it counted",
		Long: `Show the commands applied, emitted (all their events stored), durable (safe on
disk) and last in the stream; the digest of the whole state, the policies in
force, and how many commands of each verb were accepted, how many were refused and for what,
and how many were ignored. Other reddots of the log that were heard within ten seconds
are listed with their role and how far each is. Of the NATS server it names the one that is connected to,
its cluster, and for each stream on how many servers it is and which one leads it; of a
stream that is on too few, what changes that.`,
		Example: `  reddot status

  # wait until command 1207 is applied and its events are stored
  reddot status --after-seq 1207 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.validate(); err != nil {
				return err
			}
			return a.withBound(cmd.Context(), &cfg.clientConfig, "status", func(ctx context.Context, c *client) error {
				return a.status(ctx, c, &cfg)
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().Uint64Var(&cfg.afterSeq, "after-seq", 0, "wait until the command with this `seq` is applied and emitted")
	cmd.Flags().BoolVar(&cfg.json, "json", false, "print the reply as JSON")
	return cmd
}

func (a *app) status(ctx context.Context, c *client, cfg *statusConfig) error {
	reply, raw, err := askRaw(ctx, c, events.Seq(cfg.afterSeq), cfg.json, c.reddot.Status)
	if err != nil {
		return err
	}
	if cfg.json {
		return a.printRaw(raw)
	}
	return a.print(renderStatus(reply, a.zone))
}

func renderStatus(s events.Status, zone *time.Location) string {
	head := term.NewList()
	head.Add("Stream:", term.Printable(s.Stream))
	head.Add("State:", term.Printable(s.State))
	if s.Error != "" {
		head.Add("Error:", term.Printable(s.Error))
	}
	if len(s.Skipped) > 0 {
		head.Add("Passed over:", "seq "+seqList(s.Skipped)+", which could not be read")
	}
	addStandstill(head, "Stalled:", s.Stalled, zone)
	addStandstill(head, "Events stalled:", s.EmissionStalled, zone)
	if s.Emitter != "" {
		head.Add("Emitter:", term.Printable(s.Emitter))
	}
	if s.Foreign > 0 {
		head.Add("Foreign:", fmt.Sprintf("%s in the event stream that no reddot has written", term.Several(s.Foreign, "message")))
	}
	addSite(head, s.NATS)
	head.Add("Digest:", s.Digest.String())
	head.Add("Own messages:", term.Printable(s.Policy.OwnMessage))
	if s.Policy.Threads != "" {
		head.Add("Threads:", term.Printable(s.Policy.Threads))
	}
	if s.Policy.GroupReceipts != "" {
		head.Add("Group receipts:", term.Printable(s.Policy.GroupReceipts))
	}
	if len(s.Features) > 0 {
		head.Add("Features:", labelsText(s.Features))
	}
	if s.Rebuild != nil {
		head.Add("Rebuild:", rebuildText(s.Rebuild, zone))
	}
	if s.Snapshot != nil {
		head.Add("Snapshot:", snapshotText(s.Snapshot, zone))
	}

	seqs := term.NewTable("POSITION", ">SEQ")
	seqs.Add("applied", term.Number(s.Applied))
	seqs.Add("emitted", term.Number(s.Emitted))
	seqs.Add("durable", term.Number(s.Durable))
	seqs.Add("last", term.Number(s.Last))
	seqs.Add("lag", term.Number(s.Lag))

	counts := term.NewTable("COMMANDS", ">COUNT")
	for _, verb := range verbOrder(s.Commands) {
		counts.Add(term.Printable(verb), term.Number(s.Commands[verb]))
	}
	counts.Add("refused", term.Number(s.Refused))
	for _, reason := range slices.Sorted(maps.Keys(s.RefusedFor)) {
		counts.Add("  "+term.Printable(reason), term.Number(s.RefusedFor[reason]))
	}
	counts.Add("ignored", term.Number(s.Ignored))
	text := head.String() + "\n"
	if len(s.Peers) > 0 {
		text += peersText(s.Peers).String() + "\n"
	}
	return text + seqs.String() + "\n" + counts.String()
}

// peersText lists the other reddots.
func peersText(all []events.Peer) *term.Table {
	t := term.NewTable("OTHER REDDOT", "ROLE", ">APPLIED", ">LAG", ">HEARD", "NATS SERVER", "VERSION")
	for _, p := range all {
		role := p.Role
		if p.State != events.Live {
			role = strings.TrimPrefix(role+", "+p.State, ", ")
		}
		t.Add(term.Printable(fmt.Sprintf("%s pid %d", p.Host, p.PID)), term.Printable(role), term.Number(p.Applied), term.Number(p.Lag),
			fmt.Sprintf("%.1f s ago", float64(p.HeardMS)/1000), term.Printable(p.Server), term.Printable(p.Version))
	}
	return t
}

// addStandstill says where something stands still.
func addStandstill(l *term.Table, what string, s *events.Standstill, zone *time.Location) {
	if s != nil {
		l.Add(what, fmt.Sprintf("before seq %d, since %s: %s", s.Seq, term.Clock(s.Since, zone), term.Printable(s.Reason)))
	}
}

// rebuildText describes the last rebuild.
func rebuildText(r *events.Rebuild, zone *time.Location) string {
	switch r.State {
	case events.Running:
		text := fmt.Sprintf("running, %d of %d", r.Applied, r.Target)
		if r.From > 0 {
			text += fmt.Sprintf(", from the snapshot of seq %d", r.From)
		}
		return text
	case events.Done:
		text := fmt.Sprintf("done at %s, in use since seq %d", term.Clock(r.Ended, zone), r.Target)
		if r.Differed {
			text += "; the store before was not what the log says"
		}
		return text
	}
	return fmt.Sprintf("%s at %s: %s", term.Printable(r.State), term.Clock(r.Ended, zone), term.Printable(r.Error))
}

// snapshotText describes the last snapshot.
func snapshotText(s *events.Snapshot, zone *time.Location) string {
	switch s.State {
	case events.Running:
		return fmt.Sprintf("running, %s bytes", term.Grouped(int64(s.Done)))
	case events.Done:
		return fmt.Sprintf("done at %s, seq %d, %s bytes, %s of them new", term.Clock(s.Ended, zone), s.Seq,
			term.Grouped(int64(s.Bytes)), term.Grouped(int64(s.NewBytes)))
	}
	return fmt.Sprintf("%s at %s: %s", term.Printable(s.State), term.Clock(s.Ended, zone), term.Printable(s.Error))
}

// verbOrder is the verbs counted, in the vocabulary's order; those that a
// newer server knows come last.
func verbOrder(counted map[string]uint64) []string {
	var known []string
	for _, v := range events.Verbs() {
		if _, ok := counted[v.String()]; ok {
			known = append(known, v.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counted)) {
		if !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return known
}
