package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/term"
	"reddot/events"
	"reddot/snapshot"
)

// listedSnapshot is a line of the list.
type listedSnapshot struct {
	ID     string        `json:"id"`
	Seq    events.Seq    `json:"seq"`
	Taken  time.Time     `json:"taken,omitzero"`
	Bytes  uint64        `json:"bytes,omitempty"`
	Digest events.Digest `json:"digest,omitempty"`
	Stream string        `json:"stream,omitempty"`
	Error  string        `json:"error,omitempty"`
}

func (a *app) snapshotList() *cobra.Command {
	var cfg placeConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots, the newest first",
		Long: `List the snapshots, the newest first. Only their manifests are read: whether
their files are sound, "reddot snapshot verify" tells.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), &cfg, func(ctx context.Context, r *snapshot.Repository) error {
				entries, err := r.List(ctx)
				switch {
				case err != nil:
					return err
				case asJSON:
					return a.printSnapshots(entries)
				}
				return a.print(renderSnapshots(entries, a.zone))
			})
		},
	}
	cfg.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// printSnapshots prints a JSON object for each.
func (a *app) printSnapshots(entries []snapshot.Entry) error {
	for _, e := range entries {
		l := listedSnapshot{ID: e.ID, Seq: e.Seq}
		if e.Err != nil {
			l.Error = term.OneLine(e.Err)
		} else {
			m := e.Manifest
			l.Taken, l.Bytes, l.Digest, l.Stream = m.Taken, m.Bytes, m.Digest, m.Stream.Name
		}
		if err := a.printJSON(l); err != nil {
			return err
		}
	}
	return nil
}

func renderSnapshots(entries []snapshot.Entry, zone *time.Location) string {
	if len(entries) == 0 {
		return "no snapshots\n"
	}
	list := term.NewTable(">SEQ", "TAKEN", ">BYTES", "DIGEST", "STREAM", "ID")
	why := ""
	for _, e := range entries {
		if e.Err != nil {
			list.Add(term.Number(e.Seq), "unreadable", "", "", "", term.Printable(e.ID))
			why += term.OneLine(e.Err) + "\n"
			continue
		}
		m := e.Manifest
		list.Add(term.Number(e.Seq), term.Clock(events.Time(m.Taken.UnixMilli()), zone), term.Grouped(int64(m.Bytes)), m.Digest.String(),
			term.Printable(m.Stream.Name), e.ID)
	}
	return list.String() + why
}
