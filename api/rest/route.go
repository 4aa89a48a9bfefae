package rest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"reddot/api/identity"
	"reddot/api/js"
	"reddot/api/openapi"
	"reddot/events"
)

// Limit is what bounds how often a route may be asked.
type Limit uint8

// The limits.
const (
	Unlimited Limit = iota
	Queries         // of a user's own token, and of a key that has a rate
	Commands        // by the gate, of users; and of a key that has a rate
	Streams         // streams opened by a user
)

// Route is one thing that can be asked for: the table of them is what requests are
// dispatched by, what 405 answers name, and what tests and metrics go through.
type Route struct {
	Method string // GET also answers HEAD
	Path   string // constant; one that ends in / has all below it, but for / itself
	Who    []identity.Role
	Limit  Limit
	Body   int64 // bytes that a body may have; 0: what it holds is not read
	Stream bool  // it lasts: its writer sets its own deadlines, and nothing is compressed

	// Optional is set where who asks may say who they are, and need not.
	Optional bool

	// Serve answers. An error that it returns is sent as a problem, so it has sent
	// nothing then.
	Serve func(*Exchange) error
}

// anybody is who may ask where nobody is asked who they are.
func (r *Route) anybody() bool { return len(r.Who) == 0 }

// Bounds of bodies in bytes.
const (
	maxQueryBody   = events.MaxRequest
	maxCommandBody = events.MaxPayload
	maxBatchBody   = events.MaxBatchBytes
	maxGatewayBody = 1 << 20
)

// The roles of the table, shorter.
const (
	u = identity.User
	b = identity.Backend
	v = identity.Viewer
	o = identity.Operator
	m = identity.Metrics
)

// who is a set of roles.
func who(roles ...identity.Role) []identity.Role { return roles }

// routes are those of the server itself.
func (s *Server) routes() []Route {
	all := []Route{
		{Method: "GET", Path: "/v1", Serve: s.discovery},
		{Method: "POST", Path: "/v1/session", Body: maxQueryBody, Serve: s.beginSession},
		{Method: "GET", Path: "/v1/session", Who: who(v), Limit: Queries, Serve: s.session},
		{Method: "DELETE", Path: "/v1/session", Serve: s.endSession},
		{Method: "GET", Path: "/healthz", Serve: s.health},
		{Method: "GET", Path: "/readyz", Optional: true, Serve: s.ready},
		{Method: "GET", Path: "/metrics", Who: who(m, v, o), Serve: s.metrics()},
		{Method: "GET", Path: "/openapi.yaml", Serve: static("application/yaml; charset=utf-8", openapi.YAML)},
		{Method: "GET", Path: "/openapi.json", Serve: static("application/json; charset=utf-8", openapi.JSON)},
		{Method: "GET", Path: "/reddot.js", Serve: static("text/javascript; charset=utf-8", js.Module)},
		{Method: "GET", Path: "/reddot.d.ts", Serve: static("text/plain; charset=utf-8", js.Types)},

		{Method: "POST", Path: "/v1/commands", Who: who(u, b), Limit: Commands, Body: maxBatchBody, Serve: s.batch},

		{Method: "GET", Path: "/v1/events", Who: who(u, b, v), Limit: Streams, Stream: true, Serve: s.events},
		{Method: "GET", Path: "/v1/changes", Who: who(u, b, v), Limit: Queries, Serve: s.changes},
		{Method: "GET", Path: "/v1/feed", Who: who(b, v), Limit: Queries, Stream: true, Serve: s.feed},
		{Method: "POST", Path: "/v1/gateway", Who: who(b), Limit: Queries, Body: maxGatewayBody, Stream: true, Serve: s.gateway},
		{Method: "POST", Path: "/v1/gateway/users", Who: who(b), Limit: Queries, Body: maxGatewayBody, Serve: s.gatewayUsers},

		{Method: "POST", Path: "/v1/disconnect", Who: who(b, o), Limit: Queries, Body: maxQueryBody, Serve: s.disconnect},
		{Method: "GET", Path: "/v1/stats", Who: who(v), Limit: Queries, Serve: s.stats},
		{Method: "GET", Path: "/v1/refused", Who: who(b, v), Limit: Queries, Serve: s.refused},
		{Method: "GET", Path: "/v1/log", Who: who(v), Limit: Queries, Serve: s.readLog},
		{Method: "GET", Path: "/v1/streams", Who: who(v), Limit: Queries, Serve: s.listStreams},
		{Method: "GET", Path: "/v1/past/conversations", Who: who(v), Limit: Queries, Serve: s.pastQuery(events.QueryConversations, conversationsParams)},
		{Method: "GET", Path: "/v1/past/explain", Who: who(v), Limit: Queries, Serve: s.pastQuery(events.QueryExplain, explainParams)},
		{Method: "GET", Path: "/v1/snapshots", Who: who(v), Limit: Queries, Serve: s.snapshots},
		{Method: "POST", Path: "/v1/snapshot", Who: who(o), Limit: Queries, Body: maxQueryBody, Serve: s.maintain(events.QuerySnapshot)},
		{Method: "POST", Path: "/v1/rebuild", Who: who(o), Limit: Queries, Body: maxQueryBody, Serve: s.maintain(events.QueryRebuild)},
		{Method: "GET", Path: "/v1/webhooks", Who: who(v), Limit: Queries, Serve: s.listWebhooks},
		{Method: "POST", Path: "/v1/webhooks/test", Who: who(o), Limit: Queries, Body: maxQueryBody, Serve: s.testWebhook},
		{Method: "GET", Path: "/v1/webhooks/dead", Who: who(v), Limit: Queries, Serve: s.deadWebhooks},
		{Method: "POST", Path: "/v1/webhooks/replay", Who: who(o), Limit: Queries, Body: maxQueryBody, Serve: s.replayWebhooks},
	}
	for _, q := range queries {
		all = append(all, q.route(s))
	}
	for _, verb := range verbs() {
		all = append(all, Route{Method: "POST", Path: "/v1/" + verb, Who: who(u, b), Limit: Commands, Body: maxCommandBody, Serve: s.command(verb)})
	}
	if s.cfg.Profiles {
		all = append(all, Route{Method: "GET", Path: "/debug/pprof/", Who: who(o), Stream: true, Serve: profiles})
	}
	return append(all, s.cfg.Routes...)
}

// table is the routes by path and method.
type table struct {
	paths    map[string]map[string]*Route
	prefixes map[string]map[string]*Route // of paths that end in / and have a name before it
}

func newTable(routes []Route) *table {
	t := &table{paths: map[string]map[string]*Route{}, prefixes: map[string]map[string]*Route{}}
	for i := range routes {
		r := &routes[i]
		in := t.paths
		if strings.HasSuffix(r.Path, "/") && r.Path != "/" {
			in = t.prefixes
		}
		if in[r.Path] == nil {
			in[r.Path] = map[string]*Route{}
		}
		in[r.Path][r.Method] = r
	}
	return t
}

// find returns the route of a request, or the problem that it has none. Paths are
// constant: nothing is cleaned or redirected.
func (t *table) find(method, path string) (of *Route, allow string, missing error) {
	methods := t.paths[path]
	if methods == nil {
		for prefix, of := range t.prefixes {
			if strings.HasPrefix(path, prefix) {
				methods = of
			}
		}
	}
	if methods == nil {
		return nil, "", Fail(NotFound, "no such route; GET /v1 says what there is")
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if r := methods[method]; r != nil {
		return r, "", nil
	}
	names := slices.Sorted(maps.Keys(methods))
	if methods[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
		slices.Sort(names)
	}
	allow = strings.Join(names, ", ")
	return nil, allow, Fail(BadMethod, "this route takes "+allow)
}
