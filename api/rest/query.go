package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"reddot/api/identity"
	"reddot/events"
)

// query is a route that answers one of the queries.
type query struct {
	name   string // of the query on NATS, and of the path behind /v1/
	who    []identity.Role
	params []param // of a GET; nil: a POST, whose body is the request
	user   bool    // about a user

	all []param // and those of every query

	// tagged has an ETag; known is answered 304 before it is looked up, since the user's
	// version says all.
	tagged, known bool
}

// The parameters of queries that past states answer too.
var (
	conversationsParams = []param{
		{"unread_only", flag}, {"kind", text}, {"label", text}, {"without", text}, {"mentioned", flag}, {"limit", number}, {"after", text}}
	explainParams = []param{{"conversation", text}, {"thread", text}, {"limit", number}, {"log", flag}, {"log_after", text}}
)

// queries are all of them. Each takes after_seq and timeout_ms beside.
var queries = []query{
	{name: events.QueryTotals, who: who(u, b, v), user: true, tagged: true, known: true, params: []param{
		{"kind", text}, {"include_muted", flag}, {"label", text}, {"without", text}, {"mentioned", flag}}},
	{name: events.QueryConversations, who: who(u, b, v), user: true, tagged: true, known: true, params: conversationsParams},
	{name: events.QueryConversation, who: who(u, b, v), user: true, tagged: true, params: []param{{"conversation", text}}},
	{name: events.QueryGet, who: who(u, b, v), user: true, tagged: true},
	{name: events.QueryExplain, who: who(u, b, v), user: true, tagged: true, params: explainParams},
	{name: events.QueryReceipt, who: who(u, b, v), user: true, tagged: true, params: []param{{"peer", text}, {"thread", text}}},
	{name: events.QueryThreads, who: who(u, b, v), user: true, tagged: true, params: []param{
		{"conversation", text}, {"following", flag}, {"unread_only", flag}, {"limit", number}, {"after", text}}},
	{name: events.QueryThread, who: who(u, b, v), user: true, tagged: true, params: []param{{"conversation", text}, {"thread", text}}},
	{name: events.QueryGroupReceipts, who: who(u, b, v), user: true, params: []param{{"group", text}, {"ids", many}}},
	{name: events.QueryReaders, who: who(u, b, v), user: true, params: []param{
		{"group", text}, {"id", text}, {"read", flag}, {"limit", number}, {"after", text}}},
	{name: events.QueryBatch, who: who(b, v)},
	{name: events.QueryStatus, who: who(b, v), params: []param{}},
	{name: events.QueryUsers, who: who(v), params: []param{{"prefix", text}, {"limit", number}, {"after", text}}},
	{name: events.QueryGroup, who: who(b, v), params: []param{{"group", text}}},
	{name: events.QueryMembers, who: who(b, v), params: []param{{"group", text}, {"limit", number}, {"after", text}}},
}

func (q query) route(s *Server) Route {
	q.all = append(slices.Clone(q.params), waits...)
	r := Route{Method: http.MethodGet, Path: "/v1/" + q.name, Who: q.who, Limit: Queries}
	if q.params == nil {
		r.Method, r.Body = http.MethodPost, maxQueryBody
	}
	r.Serve = func(x *Exchange) error { return s.query(x, q) }
	return r
}

// request reads whom a query is about, and its request as it would come on NATS.
func (q query) request(x *Exchange) (user string, body []byte, err error) {
	var asked *string
	if q.user && q.params != nil {
		if asked, err = one(x.Query, "user"); err != nil {
			return "", nil, err
		}
		body, err = bodyOf(x.Query, q.all, "user")
	} else {
		body, err = bodyOf(x.Query, q.all)
	}
	if err != nil {
		return "", nil, err
	}
	if q.params == nil {
		rest := x.Body
		if q.user {
			if asked, rest, err = events.SplitUser(x.Body); err != nil {
				return "", nil, err
			}
		}
		body = merged(rest, body)
	}
	if q.user {
		user, err = x.user(asked)
	}
	return user, body, err
}

// merged is an object with the members of two. One that both have is found by who
// decodes it.
func merged(body, more []byte) []byte {
	if len(more) == 0 {
		return body
	}
	trimmed := strings.TrimRight(string(body), " \t\r\n")
	switch {
	case trimmed == "":
		return more
	case !strings.HasSuffix(trimmed, "}"):
		return body // it is no object: who decodes it says so
	case strings.TrimRight(strings.TrimPrefix(strings.TrimSuffix(trimmed, "}"), "{"), " \t\r\n") == "":
		return more
	}
	return append([]byte(trimmed[:len(trimmed)-1]+","), more[1:]...)
}

// query answers a query.
func (s *Server) query(x *Exchange, q query) error {
	user, body, err := q.request(x)
	if err != nil {
		return err
	}
	if q.user {
		if err := s.admitQuery(x, user); err != nil {
			return err
		}
	}
	live, err := s.live()
	if err != nil {
		return err
	}
	var tags etags
	known := events.Seq(0)
	if q.tagged {
		tags.epoch = live.Epoch()
		if q.params != nil { // of a POST it would mean something else
			tags.match = header(x.Request, "If-None-Match")
		}
		if q.known {
			known = tags.version()
		}
	}
	reply, applied, err := live.Ask(x.ctx(), user, q.name, body, known)
	if err != nil {
		return pointed(err, x)
	}
	x.applied(applied)
	h := x.Writer.Header()
	h["Cache-Control"] = private
	if reply == nil {
		x.set("Etag", tags.of(known))
		x.Writer.WriteHeader(http.StatusNotModified)
		return nil
	}
	if q.tagged && tags.epoch != "" {
		tag := tags.of(versionOf(reply))
		x.set("Etag", tag)
		if tags.matches(tag) {
			x.Writer.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if next := nextOf(reply); next != "" {
		h.Set("Link", nextLink(x.Request.URL, next))
	}
	return x.reply(reply)
}

// live is what answers, or why nothing does.
func (s *Server) live() (Live, error) {
	live, err := s.cfg.Live()
	if err != nil {
		return nil, &Problem{Code: Unavailable, Detail: "this instance does not answer yet; ask again, or ask another one", Cause: err}
	}
	return live, nil
}

// applied says which state an answer shows.
func (x *Exchange) applied(seq events.Seq) {
	x.set(headerApplied, strconv.FormatUint(uint64(seq), 10))
}

// reply sends an answer.
func (x *Exchange) reply(v any) error { return x.replyWith(http.StatusOK, v) }

func (x *Exchange) replyWith(code int, v any) error {
	body, err := events.Marshal(events.JSON, v)
	if err != nil {
		return &Problem{Code: Unavailable, Detail: "the answer can't be written; report this", Cause: err}
	}
	h := x.Writer.Header()
	h["Content-Type"] = isJSON
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = private
	}
	x.set("Content-Length", strconv.Itoa(len(body)))
	x.Writer.WriteHeader(code)
	x.Writer.Write(body) // an asker that has gone away is no error
	return nil
}

// etags are the ETags of one log.
type etags struct {
	epoch string
	match string // If-None-Match
}

func (t etags) of(version events.Seq) string {
	var room [64]byte
	tag := append(append(append(room[:0], '"'), t.epoch...), '-')
	return string(append(strconv.AppendUint(tag, uint64(version), 10), '"'))
}

// each calls fn with what If-None-Match names.
func (t etags) each(fn func(tag string)) {
	for tag := range strings.SplitSeq(t.match, ",") {
		fn(strings.TrimPrefix(strings.TrimSpace(tag), "W/"))
	}
}

func (t etags) matches(tag string) (found bool) {
	if t.match == "" {
		return false
	}
	t.each(func(other string) { found = found || other == tag || other == "*" })
	return found
}

// version is the newest version of the log that is named; 0: none.
func (t etags) version() (newest events.Seq) {
	if t.match == "" || t.epoch == "" {
		return 0
	}
	t.each(func(tag string) {
		digits, ok := strings.CutPrefix(tag, `"`+t.epoch+"-")
		if !ok {
			return
		}
		if n, err := strconv.ParseUint(strings.TrimSuffix(digits, `"`), 10, 64); err == nil {
			newest = max(newest, events.Seq(n))
		}
	})
	return newest
}

// versionOf is that of all that a reply shows. Threads that their user does not follow,
// and reads that wait for their message, have no part in the user's.
func versionOf(reply any) (version events.Seq) {
	switch r := reply.(type) {
	case events.TotalsReply:
		return r.Version
	case events.ConversationsReply:
		return r.Version
	case events.ConversationReply:
		return r.Version
	case events.ConversationsGetReply:
		return r.Version
	case events.ReceiptReply:
		return r.Version
	case events.ThreadReply:
		return max(r.Version, r.Thread.Version)
	case events.ThreadsReply:
		version = r.Version
		for i := range r.Threads {
			version = max(version, r.Threads[i].Version)
		}
	case events.Explanation:
		version = r.Version
		for i := range r.PendingReads {
			version = max(version, r.PendingReads[i].Seq)
		}
	}
	return version
}

// nextOf is the cursor of the page behind a reply's; empty: it is the last one.
func nextOf(reply any) string {
	switch r := reply.(type) {
	case events.ConversationsReply:
		return r.Next
	case events.ThreadsReply:
		return r.Next
	case events.ReadersReply:
		return r.Next
	case events.UsersReply:
		return r.Next
	case events.MembersReply:
		return r.Next
	case RefusedReply:
		return r.Next
	}
	return ""
}

// nextLink is the address of the next page.
func nextLink(at *url.URL, next string) string {
	query := at.Query()
	query.Set("after", next)
	return "<" + at.Path + "?" + query.Encode() + `>; rel="next"`
}
