package rest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reddot/api/openapi"
	"reddot/api/rest"
	"reddot/projector/testkit"
)

// contract is what the tests read of the OpenAPI file.
type contract struct {
	Paths map[string]map[string]struct {
		OperationID string   `json:"operationId"`
		Roles       []string `json:"x-roles"`
		Optional    bool     `json:"x-optional"` // not every server has it
	}
	Components struct {
		Responses map[string]struct {
			Content map[string]struct {
				Examples map[string]struct{ Value rest.Problem }
			}
		}
		Schemas struct{ Code struct{ Enum []rest.Code } }
	}
}

func theContract(tb testing.TB) (c contract) {
	testkit.OK(tb, json.Unmarshal([]byte(openapi.JSON), &c))
	return c
}

// TestContract: the OpenAPI file has every route and no other, with who may ask.
func TestContract(t *testing.T) {
	c := theContract(t)
	routes := map[string]string{}
	for _, r := range open(t).server.Routes() {
		var roles []string
		for _, role := range r.Who {
			roles = append(roles, role.String())
		}
		routes[strings.ToLower(r.Method)+" "+r.Path] = strings.Join(roles, " ")
	}
	operations := map[string]bool{}
	for path, methods := range c.Paths {
		for method, of := range methods {
			route := method + " " + path
			roles, known := routes[route]
			delete(routes, route)
			switch {
			case !known && !of.Optional:
				t.Errorf("%s is in the file, and the server has no such route", route)
			case roles != strings.Join(of.Roles, " "):
				t.Errorf("%s: the file lets %v ask, the server %s", route, of.Roles, roles)
			case of.OperationID == "" || operations[of.OperationID]:
				t.Errorf("%s: operationId %q is empty or another's too", route, of.OperationID)
			}
			operations[of.OperationID] = true
		}
	}
	for route := range routes {
		t.Errorf("%s is not in the file", route)
	}
}

// TestContractCodes: the file has every code and no other, each with an example, which is
// what the server answers.
func TestContractCodes(t *testing.T) {
	c := theContract(t)
	codes := rest.Codes()
	slices.Sort(codes)
	named := c.Components.Schemas.Code.Enum
	slices.Sort(named)
	if !slices.Equal(codes, named) {
		t.Errorf("the file has the codes %v, want %v", named, codes)
	}
	shown := map[rest.Code]bool{}
	for response, of := range c.Components.Responses {
		for name, example := range of.Content["application/problem+json"].Examples {
			p := example.Value
			shown[p.Code] = true
			if p.Status != p.Code.Status() || p.Type != "urn:reddot:problem:"+string(p.Code) {
				t.Errorf("%s: %s has status %d and type %s", response, name, p.Status, p.Type)
			}
			golden(t, name, answer{p.Status, goldenHeader(t, name), string(testkit.Must(json.Marshal(p))(t))})
		}
	}
	for _, code := range codes {
		if !shown[code] {
			t.Errorf("%s has no example", code)
		}
	}
	if len(shown) != len(codes) {
		t.Errorf("examples of %v", slices.Collect(maps.Keys(shown)))
	}
}

// TestContractServed: the file is served, and not again to who has it.
func TestContractServed(t *testing.T) {
	w := newWorld(t, options{starting: true, auth: `"origins":[]`})
	for path, want := range map[string]string{"/openapi.yaml": openapi.YAML, "/openapi.json": openapi.JSON} {
		got := w.want(200, w.get(path))
		if got.body != want || got.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d bytes, want %d; %v", path, len(got.body), len(want), got.header)
		}
		tag := got.header.Get("ETag")
		if again := w.want(304, w.get(path, "If-None-Match: "+tag)); tag == "" || again.body != "" {
			t.Errorf("%s: %q, then %q", path, tag, again.body)
		}
		w.want(200, w.get(path, `If-None-Match: "another"`))
	}
}

// goldenHeader is that of a golden file of an error.
func goldenHeader(tb testing.TB, name string) http.Header {
	tb.Helper()
	head, _, _ := strings.Cut(string(testkit.Must(os.ReadFile(filepath.Join("..", "..", "testdata", "http", name+".txt")))(tb)), "\n\n")
	h := http.Header{}
	for line := range strings.Lines(head) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			h.Set(key, value)
		}
	}
	if code := head[:3]; code == "429" || code == "503" {
		h.Set("Retry-After", "1") // it is another one each time
	}
	return h
}
