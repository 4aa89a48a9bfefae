package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// varying are members of replies that are other ones each time.
var varying = map[string]string{"listRefused": "at", "createSnapshot": "", "rebuild": ""}

// TestExamples: the examples of the contract, asked of a server in the order in which they
// stand there, are answered as they say.
func TestExamples(t *testing.T) {
	s, v, at := theSpec(t), theValidator(t), serve(t)
	for _, route := range s.order {
		op := s.Paths[route[1]][route[0]]
		if op.Optional {
			continue
		}
		query := url.Values{}
		for _, p := range op.Parameters {
			if p.In != "query" || p.Example == nil {
				continue
			}
			if list, many := p.Example.([]any); many {
				for _, value := range list {
					query.Add(p.Name, fmt.Sprint(value))
				}
				continue
			}
			query.Set(p.Name, fmt.Sprint(p.Example))
		}
		body := op.RequestBody.Content["application/json"].Example
		ask := func() *http.Request {
			req := must(http.NewRequest(strings.ToUpper(route[0]), at+route[1]+"?"+query.Encode(), bytes.NewReader(body)))(t)
			if body != nil {
				req.Header.Set("Content-Type", "application/json")
			}
			return req
		}
		resp := must(http.DefaultClient.Do(ask()))(t)
		if op.endless() && resp.StatusCode == http.StatusOK {
			resp.Body.Close()
			continue
		}
		answer := must(io.ReadAll(resp.Body))(t)
		resp.Body.Close()
		named := fmt.Sprintf("%s?%s %s", route[1], query.Encode(), body)
		if resp.StatusCode/100 != 2 {
			t.Errorf("%s: %d %s", named, resp.StatusCode, answer)
			continue
		}
		if good, errs := v.ValidateHttpRequest(ask()); !good {
			t.Errorf("%s: the request: %s", named, said(errs))
		}
		resp.Body = io.NopCloser(bytes.NewReader(answer))
		if good, errs := v.ValidateHttpResponse(ask(), resp); !good {
			t.Errorf("%s: %s\n%s", named, answer, said(errs))
		}
		if want := op.Responses[fmt.Sprint(resp.StatusCode)].Content["application/json"].Example; want != nil {
			same(t, named, want, answer, varying[op.OperationID])
		}
	}
}

// same compares two JSON values but for the members of one name.
func same(t *testing.T, named string, want, got []byte, but string) {
	t.Helper()
	var a, b any
	ok(t, json.Unmarshal(want, &a))
	ok(t, json.Unmarshal(got, &b))
	if forget(a, but); but != "" {
		forget(b, but)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s is answered\n%s\nand the contract says\n%s", named, pretty(b), pretty(a))
	}
}

func forget(v any, name string) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, name)
		for _, value := range v {
			forget(value, name)
		}
	case []any:
		for _, value := range v {
			forget(value, name)
		}
	}
}
