package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/store/internal/corrupt"
	"reddot/projector/store/row"
)

// Difference is one row that two stores hold differently.
type Difference struct {
	Row  string // such as "conversation of alice with c2c_bob"
	A, B string // the parts that differ, such as "Read.Pos=7 ReadSeq=12"; "none" if there is no such row
}

func (d Difference) String() string { return d.Row + ": " + d.A + " | " + d.B }

// none stands for what is not there.
const none = "none"

// Diff compares the rows of two stores' folders and lists the first that
// differ, limit at most, in the order of their keys: messages each for itself,
// and last the counters. Emission, which does not follow from the log, is left out.
// What the folders must be, and the errors, are as for Inspect; the rows are not
// checked. fs nil is the operating system's.
func Diff(ctx context.Context, fs vfs.FS, a, b string, limit int) (all []Difference, err error) {
	d := differ{families: store.AllFamilies(), limit: limit}
	for i, dir := range []string{a, b} {
		in, e := store.OpenReadOnly(fs, dir)
		if e != nil {
			return nil, e
		}
		defer func() { err = errors.Join(err, corrupt.Wrap(in.Close())) }()
		it, e := in.NewIter(nil)
		if e != nil {
			return nil, corrupt.Wrap(e)
		}
		defer func() { err = errors.Join(err, corrupt.Wrap(it.Close())) }()
		d.rows[i], d.positions[i] = it, in.Info.Position
	}
	if err := d.walk(ctx); err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", a, b, corrupt.Wrap(err))
	}
	return d.all, nil
}

// differ walks over two stores side by side.
type differ struct {
	families  store.Families
	rows      [2]*pebble.Iterator
	positions [2]store.Position
	limit     int
	all       []Difference
}

func (d *differ) walk(ctx context.Context) error {
	a, b := d.rows[0], d.rows[1]
	a.First()
	b.First()
	for n := 1; (a.Valid() || b.Valid()) && len(d.all) < d.limit; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch order := compareValid(a, b); {
		case order < 0:
			d.compare(a.Key(), a.Value(), nil)
			a.Next()
		case order > 0:
			d.compare(b.Key(), nil, b.Value())
			b.Next()
		default:
			d.compare(a.Key(), a.Value(), b.Value())
			a.Next()
			b.Next()
		}
	}
	if err := errors.Join(a.Error(), b.Error()); err != nil {
		return err
	}
	pa, pb := d.positions[0], d.positions[1]
	pa.Last, pb.Last, pa.Log, pb.Log = 0, 0, 0, 0
	d.fields("position and counters", pa, pb)
	return ctx.Err()
}

// compareValid orders the rows of two iterators, an ended one last.
func compareValid(a, b *pebble.Iterator) int {
	switch {
	case !a.Valid():
		return 1
	case !b.Valid():
		return -1
	}
	return bytes.Compare(a.Key(), b.Key())
}

// compare compares a row; nil is none.
func (d *differ) compare(key, a, b []byte) {
	if !d.families.InDigest(key) || a != nil && b != nil && bytes.Equal(a, b) {
		return
	}
	c := [2]row.Contents{d.read(key, a), d.read(key, b)}
	before := len(d.all)
	for i := range c { // a page beside one that can't be read
		_, bad := c[1-i].Fields.(words)
		if bad && c[i].Fields == nil && len(c[i].Messages) > 0 {
			c[i] = row.Contents{Fields: words(fmt.Sprintf("%d messages", len(c[i].Messages)))}
		}
	}
	if !reflect.DeepEqual(c[0].Fields, c[1].Fields) {
		d.fields(d.families.Name(key), c[0].Fields, c[1].Fields)
	}
	d.messages(c[0], c[1])
	if len(d.all) == before { // they read the same
		d.add(Difference{d.families.Name(key), fmt.Sprintf("bytes %x", a), fmt.Sprintf("bytes %x", b)})
	}
}

// read reads what stands in a row; nothing in one that is not there.
func (d *differ) read(key, value []byte) row.Contents {
	if value == nil {
		return row.Contents{}
	}
	c, err := d.families.Read(key, value)
	if err != nil {
		return row.Contents{Fields: words(err.Error())}
	}
	return c
}

func (d *differ) add(x Difference) {
	if len(d.all) < d.limit {
		d.all = append(d.all, x)
	}
}

// messages compares the messages of two rows, each for itself.
func (d *differ) messages(a, b row.Contents) {
	if len(a.Messages) == 0 {
		a.Log, a.First = b.Log, b.First
	}
	if len(b.Messages) == 0 {
		b.First = a.First
	}
	end := max(a.First+fold.Pos(len(a.Messages)), b.First+fold.Pos(len(b.Messages)))
	for pos := min(a.First, b.First); pos < end; pos++ {
		x, y := at(a.Messages, int(pos-a.First)), at(b.Messages, int(pos-b.First))
		if !reflect.DeepEqual(x, y) {
			d.fields(fmt.Sprintf("message %d of the %s", pos, row.NameOf(a.Log)), x, y)
		}
	}
}

// at is a message, or nil if there are fewer.
func at(messages []fold.Message, i int) any {
	if i < 0 || i >= len(messages) {
		return nil
	}
	return messages[i]
}

// fields compares what was read, field by field; nil is none.
func (d *differ) fields(name string, a, b any) {
	if a == nil || b == nil {
		d.add(Difference{name, whole(a), whole(b)})
		return
	}
	fa, fb := flatten(nil, "", reflect.ValueOf(a)), flatten(nil, "", reflect.ValueOf(b))
	var x, y []string
	for _, f := range fa {
		if g := f.in(fb); f.text != g {
			x, y = append(x, f.String()), append(y, field{f.name, g}.String())
		}
	}
	for _, g := range fb {
		if g.in(fa) == none && g.text != none {
			x, y = append(x, field{g.name, none}.String()), append(y, g.String())
		}
	}
	if len(x) > 0 {
		d.add(Difference{name, strings.Join(x, " "), strings.Join(y, " ")})
	}
}

// whole is all of a row that the other store lacks.
func whole(row any) string {
	if row == nil {
		return none
	}
	var texts []string
	for _, f := range flatten(nil, "", reflect.ValueOf(row)) {
		switch f.text {
		case "", `""`, "0", "false", "[]", none:
		default:
			texts = append(texts, f.String())
		}
	}
	if texts == nil {
		return "there"
	}
	return strings.Join(texts, " ")
}

// words stand for a row that can't be decoded, and for what lies beside it.
type words string

// field is a value within a row.
type field struct{ name, text string }

func (f field) String() string { return strings.TrimPrefix(f.name+"="+f.text, "=") }

// in is the text of the same field among others.
func (f field) in(others []field) string {
	for _, g := range others {
		if g.name == f.name {
			return g.text
		}
	}
	return none
}

// flatten lists the fields of a row, those within its fields included. Pointers
// are followed.
func flatten(to []field, name string, v reflect.Value) []field {
	switch x := v.Interface().(type) {
	case fold.Chunk:
		return append(to, field{name, ranges(&x)})
	case store.ByRefusal:
		for _, r := range events.Refusals() {
			n := uint64(0)
			if int(r) < len(x) {
				n = x[r]
			}
			to = append(to, field{name + "." + r.String(), fmt.Sprint(n)})
		}
		return to
	case []uint64: // commands accepted, by verb
		for _, verb := range events.Verbs() {
			n := uint64(0)
			if int(verb) < len(x) {
				n = x[verb]
			}
			to = append(to, field{name + "." + verb.String(), fmt.Sprint(n)})
		}
		return to
	case []fold.PendingRead:
		for i := range x {
			to = flatten(to, fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
		return to
	case fmt.Stringer, string:
		return append(to, field{name, row.Quote([]byte(fmt.Sprint(x)))})
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(to, field{name, none})
		}
		return flatten(to, name, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				to = flatten(to, strings.TrimPrefix(name+"."+f.Name, "."), v.Field(i))
			}
		}
		return to
	}
	return append(to, field{name, fmt.Sprintf("%+v", v.Interface())})
}

// ranges lists what is in a chunk, from its beginning: "0-3,7".
func ranges(b *fold.Chunk) string {
	has := func(o int) bool { return o < fold.ChunkSize && b[o/64]&(1<<(o%64)) != 0 }
	var all []string
	for o := 0; o < fold.ChunkSize; o++ {
		if !has(o) {
			continue
		}
		from := o
		for has(o + 1) {
			o++
		}
		if o == from {
			all = append(all, fmt.Sprint(o))
		} else {
			all = append(all, fmt.Sprintf("%d-%d", from, o))
		}
	}
	return strings.Join(all, ",")
}
