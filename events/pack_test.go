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
// tags, for structs with some of their fields empty.
func TestPacked(t *testing.T) {
	type (
		totals       Totals
		threadTotals ThreadTotals
		lastMessage  LastMessage
		conversation Conversation
		change       Change
	)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2_000 {
		for _, pair := range []struct{ packed, tagged any }{
			{new(Totals), new(totals)}, {new(ThreadTotals), new(threadTotals)}, {new(LastMessage), new(lastMessage)},
			{new(Conversation), new(conversation)}, {new(Change), new(change)},
		} {
			v := reflect.ValueOf(pair.packed).Elem()
			fillSome(r, v)
			reflect.ValueOf(pair.tagged).Elem().Set(v.Convert(reflect.TypeOf(pair.tagged).Elem()))
			packed := testkit.Must(Marshal(Msgpack, pair.packed))(t)
			if tagged := testkit.Must(Marshal(Msgpack, pair.tagged))(t); !bytes.Equal(packed, tagged) {
				t.Fatalf("%+v is written as\n%x, not\n%x", pair.packed, packed, tagged)
			}
			if byValue := testkit.Must(Marshal(Msgpack, v.Interface()))(t); !bytes.Equal(packed, byValue) {
				t.Fatalf("%+v by its value is written as\n%x, not\n%x", pair.packed, byValue, packed)
			}
		}
	}
	if err := Change.EncodeMsgpack(Change{}, msgpack.NewEncoder(full{})); err == nil {
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
