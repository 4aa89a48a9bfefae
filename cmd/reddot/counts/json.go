package counts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"reddot/cmd/reddot/lines"
)

// objects is a text of JSON lines.
type objects struct {
	lines *lines.Reader
	json  *jsontext.Decoder
}

func newObjects(text io.Reader) *objects {
	return &objects{lines: lines.Split(text), json: jsontext.NewDecoder(bytes.NewReader(nil))}
}

func (o *objects) next() (Row, error) {
	line, err := o.lines.Next()
	at := o.lines.Number()
	switch {
	case errors.Is(err, io.EOF):
		return Row{}, err
	case err != nil:
		return Row{}, fmt.Errorf("line %d %w", at, err)
	}
	row := Row{Line: at}
	o.json.Reset(bytes.NewReader(line))
	if err := o.read(&row); err != nil {
		return Row{}, atLine(at, err)
	}
	return row, nil
}

// read reads one object, which fills the line.
func (o *objects) read(row *Row) error {
	if o.json.PeekKind() != '{' {
		if _, err := o.json.ReadToken(); err != nil {
			return err
		}
		return errors.New("it is no JSON object")
	}
	if _, err := o.json.ReadToken(); err != nil {
		return err
	}
	var there []string
	for o.json.PeekKind() != '}' {
		name, err := o.json.ReadToken()
		if err != nil {
			return err
		}
		field := name.String()
		if !slices.Contains(Fields(), field) {
			return &UnknownField{field}
		}
		said, err := o.field(row, field)
		if err != nil {
			return err
		}
		if said {
			there = append(there, field)
		}
	}
	if _, err := o.json.ReadToken(); err != nil {
		return err
	}
	if _, err := o.json.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the object")
	}
	return row.whole(func(name string) bool { return slices.Contains(there, name) })
}

// field reads the value of a field, and reports whether it says anything.
func (o *objects) field(row *Row, name string) (said bool, err error) {
	if name == fieldLabels {
		return o.labels(row)
	}
	token, err := o.json.ReadToken()
	if err != nil {
		return false, err
	}
	switch token.Kind() {
	case 'n':
		return false, nil
	case '{', '[':
		return false, fmt.Errorf("%s holds more than one value", name)
	}
	text := token.String()
	if text == "" {
		return false, nil
	}
	return true, row.set(name, text)
}

// labels reads an array of labels.
func (o *objects) labels(row *Row) (said bool, err error) {
	token, err := o.json.ReadToken()
	switch {
	case err != nil:
		return false, err
	case token.Kind() == 'n':
		return false, nil
	case token.Kind() != '[':
		return false, errors.New(`labels: use an array, as ["pinned","work"]`)
	}
	labels := []string{}
	for {
		token, err := o.json.ReadToken()
		switch {
		case err != nil:
			return false, err
		case token.Kind() == ']':
			row.setLabels(labels)
			return true, nil
		case token.Kind() != '"':
			return false, errors.New("labels: one of them is no string")
		}
		labels = append(labels, token.String())
	}
}
