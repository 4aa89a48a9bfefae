package main

import (
	"fmt"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// addSite says where a server runs, and for each stream in a cluster where that is.
func addSite(l *term.Table, at *events.Site) {
	if at == nil {
		return
	}
	l.Add("NATS:", siteText(at))
	for _, s := range at.Streams {
		if at.Cluster != "" || s.Wanted > 0 {
			l.Add(term.Printable(s.Stream)+":", streamText(s))
		}
	}
}

func siteText(at *events.Site) string {
	text := "no server"
	if at.Server != "" {
		text = term.Printable(at.Server) + " at " + term.Printable(at.URL)
	}
	if at.Cluster != "" {
		text += fmt.Sprintf(", of the cluster %s with %s", term.Printable(at.Cluster), term.Several(uint64(len(at.Servers)), "known URL"))
	}
	if at.Domain != "" {
		text += ", domain " + term.Printable(at.Domain)
	}
	return text
}

func streamText(s events.StreamSite) string {
	text := "on " + term.Several(uint64(max(s.Replicas, 0)), "server")
	switch {
	case s.Leader == "":
		text += ", led by none"
	case s.Current < s.Replicas:
		text += fmt.Sprintf(", %d of them current, led by %s", s.Current, term.Printable(s.Leader))
	default:
		text += ", led by " + term.Printable(s.Leader)
	}
	if s.Wanted > 0 {
		text += fmt.Sprintf("; it should be on %d: %s", s.Wanted, term.Printable(s.Advice))
	}
	return text
}
