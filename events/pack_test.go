package events

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"reddot/projector/testkit"
)

// TestPacked compares what is written field by field with what the library makes of the
// tags, for changes with some of their fields empty.
func TestPacked(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var c Change
		fillSome(r, reflect.ValueOf(&c).Elem())
		packed := testkit.Must(Marshal(Msgpack, &c))(t)
		if tagged := testkit.Must(Marshal(Msgpack, c))(t); !bytes.Equal(packed, tagged) {
			t.Fatalf("%+v is written as\n%x, not\n%x", c, packed, tagged)
		}
	}
	if err := new(Change).pack(msgpack.NewEncoder(full{})); err == nil {
		t.Error("that it was not written is not told")
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

// fillSome gives some fields a value, each kind of field its own.
func fillSome(r *rand.Rand, v reflect.Value) {
	if r.IntN(3) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillSome(r, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillSome(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			fillSome(r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fillSome(r, value)
		v.SetMapIndex(reflect.ValueOf("f"), value)
	case reflect.String:
		v.SetString(string(make([]byte, r.IntN(300))))
	case reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("events: no value for a " + v.Kind().String())
	}
}
