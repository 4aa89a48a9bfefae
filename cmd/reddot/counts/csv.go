package counts

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"reddot/cmd/reddot/lines"
)

// table is a text of CSV.
type table struct {
	csv     *csv.Reader
	bound   *bound
	columns []string // the names in the first line
	head    int      // the lines that they take
	last    int      // the last line that was read
}

// bound ends a text whose current record is too long, as one is whose quote is never
// closed: all of the rest would be held as one cell.
type bound struct {
	io.Reader
	read, until int64 // bytes
}

// ahead is what the reader of CSV may have read of the records behind.
const ahead = 64 << 10

func (b *bound) Read(p []byte) (int, error) {
	if b.read >= b.until {
		return 0, fmt.Errorf("is longer than %d bytes: is a quote not closed?", lines.MaxLine)
	}
	n, err := b.Reader.Read(p)
	b.read += int64(n)
	return n, err
}

// newTable reads the names of the columns.
func newTable(text io.Reader) (*table, error) {
	b := &bound{Reader: text}
	t := &table{csv: csv.NewReader(b), bound: b}
	t.csv.ReuseRecord = true
	names, err := t.record()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty: the first line names the columns, " + strings.Join(Fields(), ","))
	}
	if err != nil {
		return nil, err
	}
	line, _ := t.csv.FieldPos(0)
	t.columns, t.head = slices.Clone(names), t.last
	for i, name := range t.columns {
		switch {
		case !slices.Contains(Fields(), name):
			return nil, atLine(line, fmt.Errorf("%w: this line names the columns, which are %s", &UnknownField{name}, strings.Join(Fields(), ",")))
		case slices.Contains(t.columns[:i], name):
			return nil, atLine(line, fmt.Errorf("the column %s is there twice", name))
		}
	}
	for _, name := range Fields()[:3] {
		if !slices.Contains(t.columns, name) {
			return nil, atLine(line, fmt.Errorf("the column %s is missing", name))
		}
	}
	return t, nil
}

// record reads one record, whose cells are valid until the next.
func (t *table) record() ([]string, error) {
	t.bound.until = t.csv.InputOffset() + lines.MaxLine + ahead
	cells, err := t.csv.Read()
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		t.last = e.Line
		return nil, atLine(e.StartLine, t.readable(e, len(cells)))
	}
	switch {
	case err == nil:
		t.last, _ = t.csv.FieldPos(len(cells) - 1)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("line %d %w", t.last+1, err)
	}
	return cells, err
}

// readable is what is wrong with the form of a record.
func (t *table) readable(e *csv.ParseError, cells int) error {
	switch {
	case errors.Is(e.Err, csv.ErrFieldCount):
		return fmt.Errorf("it has %d cells, and there are %d columns", cells, len(t.columns))
	case errors.Is(e.Err, csv.ErrQuote), errors.Is(e.Err, csv.ErrBareQuote):
		return fmt.Errorf(`column %d: %w: put the cell in quotes, and write "" for one in it`, e.Column, e.Err)
	}
	return e.Err
}

func (t *table) next() (Row, error) {
	cells, err := t.record()
	if err != nil {
		return Row{}, err
	}
	row := Row{}
	row.Line, _ = t.csv.FieldPos(0)
	for i, name := range t.columns {
		if cells[i] == "" {
			continue
		}
		if err := row.set(name, strings.Clone(cells[i])); err != nil {
			return Row{}, atLine(row.Line, err)
		}
	}
	has := func(name string) bool {
		i := slices.Index(t.columns, name)
		return i >= 0 && cells[i] != ""
	}
	if err := row.whole(has); err != nil {
		return Row{}, atLine(row.Line, err)
	}
	return row, nil
}
