package check

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
)

// recorded is one request of the API's tests, and its answer: see testkit.Recorded.
type recorded struct {
	Method   string
	URL      string
	Sent     http.Header
	Body     []byte
	Status   int
	Received http.Header
	Answer   []byte
}

// request is the request without what is null: that is the same as absent.
func (r *recorded) request() (*http.Request, error) {
	body := r.Body
	var v any
	if bytes.Contains(body, []byte("null")) && json.Unmarshal(body, &v) == nil {
		body, _ = json.Marshal(withoutNull(v))
	}
	req, err := http.NewRequest(r.Method, r.URL, bytes.NewReader(body))
	if err == nil {
		req.Header = r.Sent
	}
	return req, err
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value == nil {
				delete(v, name)
				continue
			}
			v[name] = withoutNull(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}

func (r *recorded) response(req *http.Request) *http.Response {
	return &http.Response{StatusCode: r.Status, Header: r.Received, Body: io.NopCloser(bytes.NewReader(r.Answer)), Request: req}
}

func (r *recorded) String() string {
	return fmt.Sprintf("%s %.300s %.300s\n%d %.1000s", r.Method, r.URL, r.Body, r.Status, r.Answer)
}

// eachRecorded calls use with all that the tests of the API have asked. They write it down
// where the variable REDDOT_RECORD says.
func eachRecorded(t *testing.T, use func(*recorded)) {
	t.Helper()
	dir := os.Getenv("REDDOT_RECORD")
	files := must(filepath.Glob(filepath.Join(dir, "*.jsonl")))(t)
	if dir == "" || len(files) == 0 {
		t.Fatal("nothing is recorded: run the tests of the API with REDDOT_RECORD=DIR, and then these")
	}
	for _, name := range files {
		f := must(os.Open(name))(t)
		lines := bufio.NewReader(f)
		for {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				break
			}
			ok(t, err)
			r := new(recorded)
			ok(t, json.Unmarshal(line, r))
			use(r)
		}
		ok(t, f.Close())
	}
}

// theValidator takes no field that the contract does not name: for replies the contract
// leaves that open, as a newer server may have more.
func theValidator(t *testing.T) validator.Validator {
	t.Helper()
	var all map[string]any
	ok(t, json.Unmarshal(must(os.ReadFile(jsonFile))(t), &all))
	for name, schema := range all["components"].(map[string]any)["schemas"].(map[string]any) {
		s := schema.(map[string]any)
		if _, open := s["additionalProperties"]; !open && s["properties"] != nil && !strings.HasSuffix(name, "Payload") && name != "Asked" {
			s["additionalProperties"] = false
		}
	}
	doc := must(libopenapi.NewDocument(must(json.Marshal(all))(t)))(t)
	v, errs := validator.NewValidator(doc, config.WithoutSecurityValidation(), config.WithFormatAssertions())
	for _, err := range errs {
		t.Fatal(err)
	}
	return v
}

// everywhere are headers that HTTP has, whatever the route.
var everywhere = []string{"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Credentials", "Cache-Control", "Connection",
	"Content-Encoding", "Content-Length", "Content-Type", "Date", "Vary", "X-Content-Type-Options"}

// unnamed are headers of an answer that the contract does not name.
func unnamed(r *recorded, of *response) (names []string) {
	for name := range r.Received {
		named := slices.Contains(everywhere, name)
		for known := range of.Headers {
			named = named || strings.EqualFold(known, name)
		}
		if !named {
			names = append(names, name)
		}
	}
	return names
}

// TestContractItself: the file is OpenAPI 3.1.
func TestContractItself(t *testing.T) {
	if good, errs := theValidator(t).ValidateDocument(); !good {
		t.Error(said(errs))
	}
}

// TestRecorded: what the tests of the API have asked and were answered is what the
// contract says, and all of the contract was asked.
func TestRecorded(t *testing.T) {
	s, v := theSpec(t), theValidator(t)
	answered, codes, failures := map[string]bool{}, map[string]bool{}, 0
	wrong := func(r *recorded, format string, args ...any) {
		if failures++; failures <= 20 {
			t.Errorf("%s\n%s", fmt.Sprintf(format, args...), r)
		}
	}
	requests := 0
	eachRecorded(t, func(r *recorded) {
		requests++
		req, err := r.request()
		ok(t, err)
		method := strings.ToLower(r.Method)
		if method == "head" || method == "options" {
			return // no answer with a body; a browser's question to CORS
		}
		op := s.Paths[req.URL.Path][method]
		if r.Received.Get("Content-Type") == "application/problem+json" {
			code, err := codeOf(r)
			if err != nil {
				wrong(r, "%v", err)
			}
			codes[code] = true
		}
		if op == nil {
			if r.Status < 400 && strings.HasPrefix(req.URL.Path, "/v1") {
				wrong(r, "the contract has no such route")
			}
			return
		}
		if r.Status < 300 {
			answered[op.OperationID] = true
			if good, errs := v.ValidateHttpRequest(req); !good {
				wrong(r, "the request: %s", said(errs))
			}
			req, _ = r.request()
		}
		if elsewhere(r) {
			return
		}
		if good, errs := v.ValidateHttpResponse(req, r.response(req)); !good {
			wrong(r, "the answer: %s", said(errs))
		}
		if of := op.Responses[strconv.Itoa(r.Status)]; of != nil {
			if names := unnamed(r, of); len(names) > 0 {
				wrong(r, "the contract names no header %v", names)
			}
		}
	})
	if failures > 20 {
		t.Errorf("and %d more", failures-20)
	}
	for _, methods := range s.Paths {
		for _, op := range methods {
			if !answered[op.OperationID] && !op.Optional && !op.endless() {
				t.Errorf("no test has an answer of %s", op.OperationID)
			}
		}
	}
	for _, code := range must(enumOf("Code"))(t) {
		if !codes[code] && code != "too_many_streams" {
			t.Errorf("no test is answered %s", code)
		}
	}
	t.Logf("%d requests", requests)
}

// elsewhere reports whether an answer is not of the route: what every address has.
func elsewhere(r *recorded) bool {
	code, err := codeOf(r)
	return err == nil && (code == "bad_host" || code == "url_too_long" || code == "headers_too_large")
}

// codeOf reads the code of a problem, which has the fields that it must have.
func codeOf(r *recorded) (string, error) {
	var p struct{ Type, Title, Code, Detail, Request string }
	if err := json.Unmarshal(r.Answer, &p); err != nil {
		return "", err
	}
	if p.Type != "urn:reddot:problem:"+p.Code || p.Title == "" || p.Detail == "" || p.Request == "" {
		return p.Code, fmt.Errorf("a problem with another form")
	}
	return p.Code, nil
}

// enumOf is what a schema may be.
func enumOf(schema string) ([]string, error) {
	text, err := os.ReadFile(jsonFile)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Enum []string }
		}
	}
	err = json.Unmarshal(text, &doc)
	return doc.Components.Schemas[schema].Enum, err
}

func said(errs []*errors.ValidationError) string {
	var out strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&out, "%s: %s\n", e.Message, e.Reason)
		for i, f := range e.SchemaValidationErrors {
			if i == 12 { // of a union each alternative has its own
				break
			}
			fmt.Fprintf(&out, "    %s: %s\n", f.FieldPath, f.Reason)
		}
	}
	return out.String()
}
