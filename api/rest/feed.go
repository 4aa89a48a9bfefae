package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"reddot/api/stream"
	"reddot/events"
)

// feed answers GET /v1/feed.
func (s *Server) feed(x *Exchange) error {
	if err := only(x.Query, "after", "types", "users_prefix"); err != nil {
		return err
	}
	asked, err := stream.FeedRequest{Key: x.Who.Name, Expires: x.Who.Expires}, error(nil)
	if asked.After, err = feedAfter(x); err != nil {
		return err
	}
	if asked.Filter, err = feedFilter(x); err != nil {
		return err
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	if x.Request.Method == http.MethodHead {
		stream.Head(x.Writer)
		return nil
	}
	return live.Streams().ServeFeed(x.Writer, x.Request, asked)
}

// feedAfter is behind which sequence a feed begins: the id that was told last wins over
// the URL, which a browser sends again as it was.
func feedAfter(x *Exchange) (*uint64, error) {
	name, given := "Last-Event-ID", x.Request.Header.Get("Last-Event-ID")
	if given == "" {
		after, err := one(x.Query, "after")
		if err != nil || after == nil {
			return nil, err
		}
		name, given = "after", *after
	}
	n, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		return nil, Fail(BadRequest, name+": want the id of an event of the feed, or 0, got "+quoted(given))
	}
	return &n, nil
}

// feedFilter is which events a feed tells.
func feedFilter(x *Exchange) (f stream.Filter, err error) {
	for _, list := range x.Query["types"] {
		for name := range strings.SplitSeq(list, ",") {
			if !slices.Contains(stream.Types(), name) {
				return f, Fail(BadRequest, "types: want some of "+strings.Join(stream.Types(), ", ")+" with commas between, got "+quoted(name))
			}
			if !slices.Contains(f.Types, name) {
				f.Types = append(f.Types, name)
			}
		}
	}
	prefix, err := one(x.Query, "users_prefix")
	if err != nil || prefix == nil || *prefix == "" {
		return f, err
	}
	f.Prefix = *prefix
	return f, events.CheckID("users_prefix", f.Prefix)
}
