package api

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"reddot/events"
)

// decode reads a request's body into a struct of the fields its query knows.
// null is the same as absent. The error is a 400 that says what is wrong.
func decode(body []byte, into any) error {
	if len(body) > events.MaxRequest {
		return badRequest("request is larger than %d bytes", events.MaxRequest)
	}
	first := firstByte(body)
	switch {
	case first == 0:
		return nil // empty: every field absent
	case first >= 0x80:
		return badRequest("requests are JSON, also when replies are msgpack (header Accept)")
	case first != '{':
		return badRequest("a request is a JSON object, or empty")
	}
	if depth := nesting(body); depth > events.MaxDepth {
		return badRequest("request nests %d levels deep; at most %d are read", depth, events.MaxDepth)
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return badRequest("%s", reasonOf(err))
	}
	return nil
}

// firstByte returns the first byte that is not JSON white space, 0 if there is
// none.
func firstByte(body []byte) byte {
	for _, c := range body {
		switch c {
		case ' ', '\t', '\r', '\n':
		case 0:
			return 1 // a NUL is not an empty request
		default:
			return c
		}
	}
	return 0
}

// nesting returns how deep brackets nest outside of strings. It takes one pass
// without recursion, so that the parser, which does recurse, sees only bodies
// of a depth that is known.
func nesting(body []byte) int {
	depth, deepest := 0, 0
	inString := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// reasonOf says in the words of a client what the JSON package found.
func reasonOf(err error) string {
	var meaning *json.SemanticError
	if errors.Is(err, json.ErrUnknownName) && errors.As(err, &meaning) {
		return fmt.Sprintf("unknown field %q", meaning.JSONPointer.LastToken())
	}
	if errors.As(err, &meaning) && meaning.GoType != nil {
		field := strings.TrimPrefix(string(meaning.JSONPointer), "/")
		return fmt.Sprintf("%s: want %s, got %s", field, wanted(meaning.GoType), found(meaning))
	}
	var grammar *jsontext.SyntacticError
	if errors.As(err, &grammar) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("%q stands twice in one object", grammar.JSONPointer.LastToken())
		}
		return "request is not JSON: " + strings.TrimPrefix(grammar.Error(), "jsontext: ")
	}
	return "request is not JSON: " + err.Error()
}

func wanted(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

func found(e *json.SemanticError) string {
	// quoted bounds how much of a client's value is repeated to it.
	const quoted = 32
	switch e.JSONKind {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "a string"
	case '0':
		if len(e.JSONValue) > 0 && len(e.JSONValue) <= quoted {
			return string(e.JSONValue)
		}
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "something else"
}
