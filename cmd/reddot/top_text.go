package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"reddot/api/rest"
	"reddot/api/stream"
	"reddot/cmd/reddot/term"
	"reddot/events"
)

// Colours of a state (ECMA-48, select graphic rendition).
const (
	topGood  = "\x1b[1;32m"
	topBusy  = "\x1b[1;33m"
	topBad   = "\x1b[1;31m"
	topPlain = "\x1b[0m"
)

// page is what is shown, line by line.
func (w *topWatch) page(now time.Time, color bool) []string {
	painted := func(paint, text string) string {
		if color {
			return paint + text + topPlain
		}
		return text
	}
	lines := []string{"reddot " + strings.TrimPrefix(strings.TrimPrefix(w.asks.base, "http://"), "https://") + "   " + now.In(w.zone).Format(time.DateTime)}
	if !w.lost.since.IsZero() {
		lines = append(lines, painted(topBad, "lost")+fmt.Sprintf(" for %s: %s", now.Sub(w.lost.since).Round(time.Second), w.lost.why))
	}
	if w.last.came == nil {
		return lines
	}
	s := &w.last.status
	state, paint, why := topState(s, w.zone)
	if !w.lost.since.IsZero() {
		state, paint = "was "+state, topBusy
	}
	lines = append(lines, painted(paint, state)+why, "")
	text := w.positions(s) + "\n" + topRates(&w.last.stats) + "\n" + topLatencies(&w.last.stats) + "\n" + w.rest()
	return append(lines, strings.Split(strings.TrimRight(text, "\n"), "\n")...)
}

// topState is a state, and the sentence that says why and what to do.
func topState(s *events.Status, zone *time.Location) (state, paint, why string) {
	state, paint = cmp.Or(s.State, "starting"), topBusy
	switch s.State {
	case events.Live:
		paint = topGood
	case events.Stopped, events.Lost, events.Stalled:
		paint = topBad
	case events.CatchingUp:
		why = fmt.Sprintf(": %s of %s commands applied", term.Grouped(int64(s.Applied)), term.Grouped(int64(s.Last)))
	}
	if s.Emitter == "standby" && len(s.Peers) > 0 { // one that is alone is about to emit
		state += ", standby"
		why += ": another reddot emits, and this one takes over when that is silent"
	}
	for _, stands := range []*events.Standstill{s.Stalled, s.EmissionStalled} {
		if stands != nil {
			paint = topBad
			why += fmt.Sprintf(": before seq %d, since %s: %s", stands.Seq, term.Clock(stands.Since, zone), term.Printable(stands.Reason))
		}
	}
	if s.Error != "" {
		why += ": " + term.Printable(s.Error)
	}
	return term.Printable(state), paint, why
}

func (w *topWatch) positions(s *events.Status) string {
	t := term.NewTable("POSITION", ">SEQ")
	t.Add("applied", term.Number(s.Applied))
	t.Add("emitted", term.Number(s.Emitted))
	t.Add("durable", term.Number(s.Durable))
	t.Add("last", term.Number(s.Last))
	return t.String() + strings.TrimSpace(fmt.Sprintf("lag %s, %s  %s", term.Several(s.Lag, "command"), trendOf(w.lags), bars(w.lags))) + "\n"
}

// trendOf says whether the newest of some numbers are larger than the oldest.
func trendOf(all []uint64) string {
	third := len(all) / 3
	if third == 0 {
		return "steady"
	}
	mean := func(part []uint64) (m float64) {
		for _, n := range part {
			m += float64(n) / float64(len(part))
		}
		return m
	}
	then, now := mean(all[:third]), mean(all[len(all)-third:])
	switch {
	case now > then*1.1+1:
		return "growing"
	case then > now*1.1+1:
		return "falling"
	}
	return "steady"
}

// bars are numbers as blocks of a line, the largest one full; none if all are 0.
func bars(all []uint64) string {
	if len(all) < 2 || slices.Max(all) == 0 {
		return ""
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	most := float64(slices.Max(all))
	var b strings.Builder
	for _, n := range all {
		b.WriteRune(blocks[min(len(blocks)-1, int(float64(n)/most*float64(len(blocks))))])
	}
	return b.String()
}

// topRates are how many there were a second, in each window.
func topRates(stats *rest.Stats) string {
	head := []string{"A SECOND"}
	for _, w := range stats.Windows {
		head = append(head, ">LAST "+(time.Duration(w.Seconds*float64(time.Second))).Round(time.Second).String())
	}
	t := term.NewTable(head...)
	for _, row := range []struct {
		name string
		of   func(*rest.Window) rest.Rate
	}{
		{"commands", func(w *rest.Window) rest.Rate { return w.Commands }},
		{"refused", func(w *rest.Window) rest.Rate { return w.Refused }},
		{"events", func(w *rest.Window) rest.Rate { return w.Events }},
		{"queries", func(w *rest.Window) rest.Rate { return w.Queries }},
		{"HTTP requests", func(w *rest.Window) rest.Rate { return w.Requests }},
		{"  failed", func(w *rest.Window) rest.Rate { return w.Errors }},
		{"webhooks sent", func(w *rest.Window) rest.Rate { return w.Webhooks.Sent }},
		{"  delivered", func(w *rest.Window) rest.Rate { return w.Webhooks.Delivered }},
	} {
		cells := []string{row.name}
		for i := range stats.Windows {
			cells = append(cells, fmt.Sprintf("%.1f", row.of(&stats.Windows[i]).PerSecond))
		}
		t.Add(cells...)
	}
	return t.String()
}

// topLatencies are those of the shortest window in which anything was measured.
func topLatencies(stats *rest.Stats) string {
	t := term.NewTable("MILLISECONDS", ">P50", ">P95", ">P99")
	for _, row := range []struct {
		name string
		of   func(*rest.Window) rest.Latency
	}{
		{"publish → applied", func(w *rest.Window) rest.Latency { return w.Latencies.Apply }},
		{"applied → events stored", func(w *rest.Window) rest.Latency { return w.Latencies.Emit }},
		{"stored → told to streams", func(w *rest.Window) rest.Latency { return w.Latencies.Tell }},
		{"queries", func(w *rest.Window) rest.Latency { return w.Latencies.Query }},
		{"HTTP", func(w *rest.Window) rest.Latency { return w.Latencies.HTTP }},
	} {
		cells := []string{row.name, "-", "-", "-"}
		for i := range stats.Windows {
			if l := row.of(&stats.Windows[i]); l.Count > 0 {
				cells = []string{row.name, fmt.Sprintf("%.1f", l.P50), fmt.Sprintf("%.1f", l.P95), fmt.Sprintf("%.1f", l.P99)}
				break
			}
		}
		t.Add(cells...)
	}
	return t.String()
}

// rest is what is open and what was done last.
func (w *topWatch) rest() string {
	s := &w.last.status
	l := term.NewList()
	var open []string
	for _, t := range []stream.Transport{stream.SSE, stream.Poll, stream.Gateway, stream.Feed} {
		open = append(open, fmt.Sprintf("%s %d", t, w.last.stats.Streams[t]))
	}
	l.Add("Streams:", strings.Join(open, ", "))
	rebuild := "none since the start"
	if s.Rebuild != nil {
		rebuild = rebuildText(s.Rebuild, w.zone)
	}
	l.Add("Rebuild:", rebuild)
	snapshot := "none"
	switch kept := w.last.snapshots.Snapshots; {
	case s.Snapshot != nil:
		snapshot = snapshotText(s.Snapshot, w.zone)
	case len(kept) > 0:
		snapshot = fmt.Sprintf("of %s, seq %d", cmp.Or(term.Clock(kept[0].Taken, w.zone), "an unknown time"), kept[0].Seq)
	}
	l.Add("Snapshot:", snapshot)
	if len(w.last.webhooks.Webhooks) == 0 {
		return l.String()
	}
	t := term.NewTable("WEBHOOK", "STATE", ">WAITING", ">OLDEST", ">DEAD")
	for _, h := range w.last.webhooks.Webhooks {
		oldest := ""
		if h.Oldest != nil {
			oldest = max(0, time.Since(time.UnixMilli(int64(*h.Oldest)))).Round(time.Second).String()
		}
		t.Add(term.Printable(h.Name), term.Printable(h.State), term.Grouped(int64(h.Waiting)+int64(h.InFlight)), oldest, term.Number(h.Dead))
	}
	return l.String() + "\n" + t.String()
}

// fitted are lines as a screen has room for them. What is cut is said by a sign at the end.
func fitted(lines []string, columns, rows int, color bool) []string {
	lines = lines[:min(len(lines), max(0, rows))]
	for i, l := range lines {
		if width(l) > columns {
			lines[i] = cutTo(l, columns)
			if color {
				lines[i] += topPlain
			}
		}
	}
	return lines
}

// width is a line's in columns; what sets colours has none.
func width(l string) int {
	for _, paint := range []string{topGood, topBusy, topBad, topPlain} {
		l = strings.ReplaceAll(l, paint, "")
	}
	return uniseg.StringWidth(l)
}

// cutTo is the beginning of a line, and the sign that something is missing.
func cutTo(l string, columns int) string {
	var b strings.Builder
	left, state := columns-1, -1
	for l != "" {
		if strings.HasPrefix(l, "\x1b[") {
			end := strings.IndexByte(l, 'm') + 1
			b.WriteString(l[:end])
			l = l[end:]
			continue
		}
		var cluster string
		var w int
		cluster, l, w, state = uniseg.FirstGraphemeClusterInString(l, state)
		if left -= w; left < 0 {
			break
		}
		b.WriteString(cluster)
	}
	if columns < 1 {
		return ""
	}
	return b.String() + "…"
}
