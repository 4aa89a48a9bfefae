package rest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"reddot/api/identity"
	"reddot/events"
)

// routeTable is who may ask for what: U users for themselves, B back ends, V viewers, O
// operators, M metrics, - everybody. An operator may all that a viewer may.
const routeTable = `
GET /v1 -
GET /v1/totals UBV
GET /v1/conversations UBV
GET /v1/conversation UBV
POST /v1/conversations/get UBV
GET /v1/explain UBV
GET /v1/receipt UBV
GET /v1/threads UBV
GET /v1/thread UBV
GET /v1/group-receipts UBV
GET /v1/readers UBV
GET /v1/events UBV
GET /v1/changes UBV
POST /v1/totals/batch BV
POST /v1/commands UB
POST /v1/read UB
POST /v1/read-all UB
POST /v1/unread UB
POST /v1/mute UB
POST /v1/level UB
POST /v1/label UB
POST /v1/filter UB
POST /v1/block UB
POST /v1/follow UB
POST /v1/delete UB
POST /v1/clear UB
GET /v1/feed BV
POST /v1/gateway B
POST /v1/gateway/users B
POST /v1/disconnect BO
GET /v1/status BV
GET /v1/stats V
GET /v1/users V
GET /v1/group BV
GET /v1/group/members BV
GET /v1/refused BV
GET /v1/log V
GET /v1/streams V
GET /v1/past/conversations V
GET /v1/past/explain V
GET /v1/snapshots V
POST /v1/snapshot O
POST /v1/rebuild O
GET /v1/webhooks V
POST /v1/webhooks/test O
GET /v1/webhooks/dead V
POST /v1/webhooks/replay O
POST /v1/session -
GET /v1/session V
DELETE /v1/session -
GET /healthz -
GET /readyz -
GET /metrics MVO
GET /openapi.yaml -
GET /openapi.json -
GET /reddot.js -
GET /reddot.d.ts -
`

// ofUsers are the routes about one user, and what they need beside.
var ofUsers = map[string]string{
	"GET /v1/totals": "", "GET /v1/conversations": "", "GET /v1/conversation": "conversation=c2c_bob", "POST /v1/conversations/get": `"conversations":["c2c_bob"]`,
	"GET /v1/explain": "conversation=c2c_bob", "GET /v1/receipt": "peer=bob", "GET /v1/threads": "", "GET /v1/thread": "conversation=c2c_bob&thread=",
	"GET /v1/group-receipts": "group=g&ids=m1", "GET /v1/readers": "group=g&id=m1",
	"GET /v1/events": "", "GET /v1/changes": "wait=0",
	"POST /v1/read": `"conversation":"c2c_bob"`, "POST /v1/read-all": `"kind":"c2c"`, "POST /v1/unread": `"conversation":"c2c_bob"`,
	"POST /v1/mute": `"conversation":"c2c_bob","muted":true`, "POST /v1/level": `"conversation":"c2c_bob","level":"all"`,
	"POST /v1/label": `"conversation":"c2c_bob","add":["x"]`, "POST /v1/filter": `"name":"x"`, "POST /v1/block": `"users":["bob"],"blocked":false`,
	"POST /v1/follow": `"conversation":"c2c_bob","thread":"t","following":false`, "POST /v1/delete": `"conversation":"c2c_bob"`,
	"POST /v1/clear": `"conversation":"c2c_bob"`, "POST /v1/disconnect": "", "GET /v1/past/conversations": "at=1", "GET /v1/past/explain": "at=1&conversation=c2c_bob",
}

// ofNobody are what the others need.
var ofNobody = map[string]string{
	"POST /v1/session":       `"key":"rdk_` + strings.Repeat("k", 35) + `viewer"`,
	"POST /v1/webhooks/test": `"name":"push"`, "GET /v1/webhooks/dead": "name=push", "POST /v1/webhooks/replay": `"name":"push"`,
	"POST /v1/totals/batch": `"users":["alice"]`, "POST /v1/gateway": `"users":[{"user":"alice"}]`, "POST /v1/gateway/users": `"stream":"x"`, "GET /v1/group": "group=g", "GET /v1/group/members": "group=g",
}

var letters = map[identity.Role]string{identity.User: "U", identity.Backend: "B", identity.Viewer: "V", identity.Operator: "O", identity.Metrics: "M"}

// may reports whether the table lets a role in.
func may(table string, role identity.Role) bool {
	return table == "-" || strings.Contains(table, letters[role]) ||
		role == identity.Operator && strings.Contains(table, "V") || role == identity.Viewer && table == "MVO"
}

// request is a route's, about a user; empty: it says none.
func request(route, user string) (path, body string) {
	method, path, _ := strings.Cut(route, " ")
	more, about := ofUsers[route]
	if !about {
		more = ofNobody[route]
	}
	if route == "POST /v1/commands" {
		named := ""
		if user != "" {
			named = `"user":"` + user + `",`
		}
		return path, `{"commands":[{"type":"user.read",` + named + `"conversation":"c2c_bob"}]}`
	}
	about = about && user != ""
	if method == "GET" {
		parts := []string{}
		if about {
			parts = append(parts, "user="+user)
		}
		if more != "" {
			parts = append(parts, more)
		}
		return path + "?" + strings.Join(parts, "&"), ""
	}
	if about && more != "" {
		more = `"user":"` + user + `",` + more
	} else if about {
		more = `"user":"` + user + `"`
	}
	return path, "{" + more + "}"
}

// TestWhoMay: every route, asked by everybody, about the own user, another one and none.
func TestWhoMay(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	w.commands(`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`, `{"type":"user.message","user":"zoe","id":"m1","from":"bob"}`)
	token := sign(t, "alice", "")
	table := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(routeTable)) {
		route, roles, _ := cutLast(strings.TrimSpace(line))
		table[route] = roles
	}
	answered := map[string]bool{}
	for _, r := range w.server.Routes() {
		answered[r.Method+" "+r.Path] = true
	}
	for route := range table {
		if !answered[route] {
			t.Errorf("%s is not answered", route)
		}
	}
	for route := range answered {
		if table[route] == "" {
			t.Errorf("%s stands in no row", route)
		}
	}
	for route, roles := range table {
		_, about := ofUsers[route]
		about = about || route == "POST /v1/commands"
		for _, role := range append(identity.Roles(), 0) {
			credential := w.as(role)
			if role == identity.User {
				credential = []string{token}
			}
			for _, user := range []string{"alice", "zoe", ""} {
				method, _, _ := strings.Cut(route, " ")
				path, body := request(route, user)
				got := w.send(method, path, body, credential...)
				want := []int{200, 202, 204, 404}
				switch {
				case role == 0 && roles != "-":
					want = []int{401}
				case role != 0 && !may(roles, role):
					want = []int{403}
				case role == identity.User && about && user == "zoe":
					want = []int{403}
				case role != identity.User && about && user == "":
					want = []int{400}
				case strings.HasPrefix(route, "GET /v1/past"): // of the tests' own
					want = []int{400}
				case strings.Contains(route, "receipts") || strings.Contains(route, "readers"): // the policy is off
					want = []int{503}
				}
				if !slices.Contains(want, got.code) {
					t.Errorf("%s by %v about %q: %d %s, want %v", route, letters[role], user, got.code, got.body, want)
				}
			}
		}
	}
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, ' ')
	return s[:i], s[i+1:], true
}

// TestNarrowTokens: a token that may only read, or only mark, does not do the other.
func TestNarrowTokens(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	for can, want := range map[string][2]int{`["read"]`: {200, 403}, `["mark"]`: {403, 200}, `["read","mark"]`: {200, 200}} {
		bearer := sign(t, "alice", fmt.Sprintf(`{"reddot":{"can":%s}}`, can))
		if got := w.get("/v1/totals", bearer); got.code != want[0] {
			t.Errorf("%s asks: %d %s", can, got.code, got.body)
		}
		if got := w.post("/v1/read-all", "{}", bearer); got.code != want[1] {
			t.Errorf("%s marks: %d %s", can, got.code, got.body)
		}
	}
}

// TestUsersOwnCommands: of a batch a user may ask for own commands alone.
func TestUsersOwnCommands(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	bearer := sign(t, "alice", "")
	for _, v := range events.Verbs() {
		inbox := ""
		if v.Inbox() == "group" {
			inbox = `"group":"g",`
		}
		own := ofUsers["POST /v1/"+v.Name()]
		want := 403
		if v.Inbox() == "user" && own != "" {
			want = 200
		}
		got := w.post("/v1/commands", fmt.Sprintf(`{"commands":[{%s"type":%q%s}]}`, inbox, v, prefixed(own)), bearer)
		if got.code != want {
			t.Errorf("%s: %d %s, want %d", v, got.code, got.body, want)
		}
	}
}

func prefixed(more string) string {
	if more == "" {
		return ""
	}
	return "," + more
}
