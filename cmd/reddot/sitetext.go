package main

import (
	"fmt"

	"reddot/events"
)

// addSite says where a server runs, and for each stream in a cluster where that is.
func (l *table) addSite(at *events.Site) {
	if at == nil {
		return
	}
	l.add("NATS:", siteText(at))
	for _, s := range at.Streams {
		if at.Cluster != "" || s.Wanted > 0 {
			l.add(printable(s.Stream)+":", streamText(s))
		}
	}
}

func siteText(at *events.Site) string {
	text := "no server"
	if at.Server != "" {
		text = printable(at.Server) + " at " + printable(at.URL)
	}
	if at.Cluster != "" {
		text += fmt.Sprintf(", of the cluster %s with %s", printable(at.Cluster), several(uint64(len(at.Servers)), "known URL"))
	}
	if at.Domain != "" {
		text += ", domain " + printable(at.Domain)
	}
	return text
}

func streamText(s events.StreamSite) string {
	text := "on " + several(uint64(max(s.Replicas, 0)), "server")
	switch {
	case s.Leader == "":
		text += ", led by none"
	case s.Current < s.Replicas:
		text += fmt.Sprintf(", %d of them current, led by %s", s.Current, printable(s.Leader))
	default:
		text += ", led by " + printable(s.Leader)
	}
	if s.Wanted > 0 {
		text += fmt.Sprintf("; it should be on %d: %s", s.Wanted, printable(s.Advice))
	}
	return text
}
