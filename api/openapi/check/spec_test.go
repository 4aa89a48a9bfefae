// Package check holds the HTTP API to its contract. Everything in it is a test.
package check

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"
)

var rewrite = flag.Bool("rewrite", false, "write openapi.json")

const specFile, jsonFile = "../openapi.yaml", "../openapi.json"

// TestJSON: openapi.json is what openapi.yaml says, in its order.
func TestJSON(t *testing.T) {
	var doc yaml.Node
	ok(t, yaml.Unmarshal(must(os.ReadFile(specFile))(t), &doc))
	var want bytes.Buffer
	writeJSON(t, &want, doc.Content[0])
	want.WriteByte('\n')
	if *rewrite {
		ok(t, os.WriteFile(jsonFile, want.Bytes(), 0o644))
	}
	if got := must(os.ReadFile(jsonFile))(t); !bytes.Equal(got, want.Bytes()) {
		t.Error("openapi.json is not what openapi.yaml says: go test -run TestJSON -rewrite")
	}
}

// writeJSON writes a YAML value as JSON. What JSON does not have is an error.
func writeJSON(t *testing.T, out *bytes.Buffer, n *yaml.Node) {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		seen := map[string]bool{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Tag != "!!str" || seen[key.Value] {
				t.Errorf("line %d: %q is not a string, or stands twice", key.Line, key.Value)
			}
			seen[key.Value] = true
			if i > 0 {
				out.WriteByte(',')
			}
			writeString(out, key.Value)
			out.WriteByte(':')
			writeJSON(t, out, n.Content[i+1])
		}
		out.WriteByte('}')
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, entry := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			writeJSON(t, out, entry)
		}
		out.WriteByte(']')
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!str":
			writeString(out, n.Value)
		case "!!bool":
			out.WriteString(strconv.FormatBool(n.Value == "true"))
		case "!!int":
			out.WriteString(n.Value)
		default:
			t.Errorf("line %d: %s %q", n.Line, n.Tag, n.Value)
		}
	default:
		t.Errorf("line %d: neither a map nor a list nor a value", n.Line)
	}
}

func writeString(out *bytes.Buffer, s string) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.Encode(s)
	out.Truncate(out.Len() - 1) // the end of the line
}

// spec is what the tests read of the contract.
type spec struct {
	Paths      map[string]map[string]*operation
	Components struct {
		Parameters map[string]*parameter
		Responses  map[string]*response
	}
	order [][2]string // method and path of each operation, as the file has them
}

type operation struct {
	OperationID string `json:"operationId"`
	Parameters  []*parameter
	RequestBody struct{ Content map[string]media } `json:"requestBody"`
	Responses   map[string]*response
	Optional    bool `json:"x-optional"`
}

// endless reports whether an answer is a stream, which is not recorded.
func (o *operation) endless() bool {
	ok := o.Responses["200"]
	if ok == nil {
		return false
	}
	_, streams := ok.Content["text/event-stream"]
	return streams
}

type parameter struct {
	Ref     string `json:"$ref"`
	Name    string
	In      string
	Example any
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]media
}

type media struct {
	Example  json.RawMessage
	Examples map[string]struct{ Value json.RawMessage }
}

// theSpec reads the contract; references to parameters and responses are followed.
func theSpec(t *testing.T) *spec {
	t.Helper()
	text := must(os.ReadFile(jsonFile))(t)
	s := new(spec)
	ok(t, json.Unmarshal(text, s))
	for _, methods := range s.Paths {
		for _, op := range methods {
			for i, p := range op.Parameters {
				if p.Ref != "" {
					op.Parameters[i] = s.Components.Parameters[last(p.Ref)]
				}
			}
			for code, r := range op.Responses {
				if r.Ref != "" {
					op.Responses[code] = s.Components.Responses[last(r.Ref)]
				}
			}
		}
	}
	var doc yaml.Node
	ok(t, yaml.Unmarshal(text, &doc))
	paths := member(doc.Content[0], "paths")
	for i := 0; i < len(paths.Content); i += 2 {
		for j := 0; j < len(paths.Content[i+1].Content); j += 2 {
			s.order = append(s.order, [2]string{paths.Content[i+1].Content[j].Value, paths.Content[i].Value})
		}
	}
	return s
}

// member is the value of a member of a map.
func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return new(yaml.Node)
}

func last(ref string) string { return ref[bytes.LastIndexByte([]byte(ref), '/')+1:] }

func must[V any](v V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		ok(tb, err)
		return v
	}
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// pretty is a JSON value with one member a line.
func pretty(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
