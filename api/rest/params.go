package rest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"reddot/events"
)

// form is how a parameter of a query is written.
type form uint8

const (
	text   form = iota // any UTF-8
	flag               // true, false, 1 or 0
	number             // digits
	many               // repeated
)

// param is a parameter of a query: a field of its request.
type param struct {
	name string
	form form
}

// waits are the parameters of every query.
var waits = []param{{"after_seq", number}, {"timeout_ms", number}}

// maxNumber is the largest integer that every reader of JSON keeps exactly.
const maxNumber = 1<<53 - 1

// bodyOf writes the parameters of a request as the body that the same query has on NATS;
// nil if there are none. beside are parameters that are no fields of it.
func bodyOf(query url.Values, params []param, beside ...string) ([]byte, error) {
	var body []byte
	read := 0 // parameters
	for _, p := range params {
		values, ok := query[p.name]
		if !ok {
			continue
		}
		if len(values) > 1 && p.form != many {
			return nil, Fail(BadRequest, p.name+" stands twice in the URL")
		}
		read++
		if body == nil {
			body = append(body, '{', '"')
		} else {
			body = append(body, ',', '"')
		}
		body = append(body, p.name...)
		body = append(body, '"', ':')
		var err error
		if body, err = appendValue(body, p, values); err != nil {
			return nil, err
		}
	}
	for _, name := range beside {
		if _, ok := query[name]; ok {
			read++
		}
	}
	for name := range query {
		if read == len(query) {
			break
		}
		if !slices.Contains(beside, name) && !slices.ContainsFunc(params, func(p param) bool { return p.name == name }) {
			return nil, Fail(BadRequest, "unknown parameter "+quoted(name))
		}
	}
	if body == nil {
		return nil, nil
	}
	return append(body, '}'), nil
}

// quoted is a client's text, shortened, for an answer.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return strconv.QuoteToASCII(s)
}

func appendValue(body []byte, p param, values []string) ([]byte, error) {
	value := values[0]
	switch p.form {
	case flag:
		set, err := parseFlag(p.name, value)
		return strconv.AppendBool(body, set), err
	case number:
		n, err := parseNumber(p.name, value)
		return strconv.AppendUint(body, n, 10), err
	case many:
		body = append(body, '[')
		for i, value := range values {
			if i > 0 {
				body = append(body, ',')
			}
			var err error
			if body, err = appendText(body, p.name, value); err != nil {
				return nil, err
			}
		}
		return append(body, ']'), nil
	}
	return appendText(body, p.name, value)
}

func appendText(body []byte, name, value string) ([]byte, error) {
	if !utf8.ValidString(value) {
		return nil, Fail(BadRequest, name+" is not UTF-8")
	}
	return jsontext.AppendQuote(body, value)
}

func parseFlag(name, value string) (bool, error) {
	switch value {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, Fail(BadRequest, fmt.Sprintf("%s: want true or false, got %s", name, quoted(value)))
}

func parseNumber(name, value string) (uint64, error) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n > maxNumber {
		return 0, Fail(BadRequest, fmt.Sprintf("%s: want a whole number, 0 or more and below 2^53, got %s", name, quoted(value)))
	}
	return n, nil
}

// one is the only value of a parameter, nil if it is not given.
func one(query url.Values, name string) (*string, error) {
	values := query[name]
	switch len(values) {
	case 0:
		return nil, nil
	case 1:
		if !utf8.ValidString(values[0]) {
			return nil, Fail(BadRequest, name+" is not UTF-8")
		}
		return &values[0], nil
	}
	return nil, Fail(BadRequest, name+" stands twice in the URL")
}

// only refuses parameters beside some.
func only(query url.Values, names ...string) error {
	_, err := bodyOf(query, nil, names...)
	return err
}

// numberOf is the value of a parameter that is a number, or what it is without.
func numberOf(query url.Values, name string, without uint64) (uint64, error) {
	given, err := one(query, name)
	if err != nil || given == nil {
		return without, err
	}
	return parseNumber(name, *given)
}

// limitOf reads how many one asks for.
func limitOf(query url.Values, without uint64) (int, error) {
	n, err := numberOf(query, "limit", without)
	if err == nil && (n < 1 || n > events.MaxLimit) {
		err = Fail(BadRequest, fmt.Sprintf("limit: want 1 to %d, got %d", events.MaxLimit, n))
	}
	return int(n), err
}

// page reads the limit of a list.
func page(query url.Values) (limit int, after string, err error) {
	if limit, err = limitOf(query, events.DefaultLimit); err != nil {
		return 0, "", err
	}
	cursor, err := one(query, "after")
	if err != nil || cursor == nil {
		return limit, "", err
	}
	if len(*cursor) > events.MaxCursor {
		return 0, "", events.ErrCursor
	}
	return limit, *cursor, nil
}
