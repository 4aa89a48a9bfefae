package gate

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
)

// BenchmarkFlight measures what keeping account of a command's acknowledgement takes,
// in batches of 1,000.
func BenchmarkFlight(b *testing.B) {
	const batch = 1_000
	a := newAcks("_INBOX.x", "UNREAD_COMMANDS", MaxPending)
	data := []byte(`{"stream":"UNREAD_COMMANDS","seq":123456789}`)
	subjects := make([]string, batch)
	b.ReportAllocs()
	for done := 0; done < b.N; done += batch {
		f := a.begin(batch)
		for i := range subjects {
			subjects[i], _ = f.add(b.Context(), i)
		}
		for _, s := range subjects {
			a.take(&nats.Msg{Subject: s, Data: data})
		}
		if got := f.wait(b.Context()); got[batch-1].seq == 0 {
			b.Fatal(strconv.Itoa(len(got)))
		}
	}
}
