package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// streamList is how many conversations each user has who has a stream.
const streamList = 100

// Users with a stream, and those who write to them.
const (
	streamUserPrefix = "streamer"
	streamPeerPrefix = "peer"
)

func streamUser(i int) string { return fmt.Sprintf("%s%05d", streamUserPrefix, i) }
func streamPeer(i int) string { return fmt.Sprintf("%s%03d", streamPeerPrefix, i) }

// listener is a client with one stream: it keeps the counts that it is told, and no more,
// since it shares the processors with what is measured.
type listener struct {
	audience *audience
	number   int
	conn     net.Conn
	cursor   string

	mu     sync.Mutex
	book   book
	unread [streamList]uint32
	live   bool
}

// book is what a client shows.
type book struct {
	Version uint64 `json:"version"`
	Unread  uint64 `json:"unread"` // the badge
	Sum     uint64 `json:"sum"`    // of the conversations
}

// errCut ends a stream that the client itself has cut.
var errCut = errors.New("cut")

// run keeps a stream until it is cut. One that the server ends is opened again when it
// says.
func (l *listener) run() error {
	for {
		again, err := l.once()
		switch {
		case l.audience.cutting.Load():
			return errCut
		case err != nil:
			return err
		}
		l.audience.again.Add(1)
		time.Sleep(again)
	}
}

// once opens a stream and reads it to its end.
func (l *listener) once() (again time.Duration, err error) {
	c := l.audience
	c.opening <- struct{}{}
	resp, in, err := l.open()
	<-c.opening
	if err != nil {
		return 0, err
	}
	defer l.conn.Close()
	defer resp.Body.Close()
	if wait := resp.Header.Get("Retry-After"); wait != "" {
		seconds, err := strconv.Atoi(wait)
		return time.Duration(seconds) * time.Second, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("a stream is answered %s", resp.Status)
	}
	in.Reset(resp.Body)
	return l.read(in)
}

// open asks for the stream.
func (l *listener) open() (*http.Response, *bufio.Reader, error) {
	c := l.audience
	conn, err := net.Dial("tcp", c.host)
	if err != nil {
		return nil, nil, fmt.Errorf("connect %d streams: %w (each takes a file: see ulimit -n)", len(c.all), err)
	}
	l.conn = conn
	if !c.keep(l) {
		conn.Close()
		return nil, nil, errCut
	}
	if _, err := conn.Write(request("GET", c.host, "/v1/events?user="+streamUser(l.number), c.key, nil, l.resumes()...)); err != nil {
		return nil, nil, err
	}
	head := bufio.NewReaderSize(conn, 1<<10)
	resp, err := http.ReadResponse(head, nil)
	return resp, bufio.NewReaderSize(nil, 1<<10), err
}

func (l *listener) resumes() []string {
	if l.cursor == "" {
		return nil
	}
	return []string{"Last-Event-ID: " + l.cursor}
}

// read reads events until the server says bye.
func (l *listener) read(in *bufio.Reader) (again time.Duration, err error) {
	var name, id string
	var data []byte
	for {
		line, err := readLine(in, nil)
		if err != nil {
			return 0, fmt.Errorf("read a stream: %w", err)
		}
		switch field, value, _ := bytes.Cut(line, []byte(": ")); string(field) {
		case "event":
			name = string(value)
		case "id":
			id = string(value)
		case "id:":
			id, l.cursor = "", ""
		case "data":
			data = value
		case "":
			if name == "bye" {
				ms, ok := number(data, `"retry_ms":`)
				if !ok {
					return 0, fmt.Errorf("a stream ends with %s", data)
				}
				return time.Duration(ms) * time.Millisecond, nil
			}
			l.take(name, data)
			if id != "" {
				l.cursor = id
			}
			name, id, data = "", "", nil
		}
	}
}

// readLine reads a line of any length.
func readLine(in *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

// take enters an event.
func (l *listener) take(name string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch name {
	case "reset":
		l.book, l.unread = book{}, [streamList]uint32{}
	case "change":
		l.change(data)
	case "live":
		if version, ok := number(data, `"version":`); ok {
			l.book.Version = max(l.book.Version, version)
		}
		if !l.live {
			l.live = true
			l.audience.isLive()
		}
	}
}

// The fields of a change that are looked at, in their order.
const (
	fieldVersion      = `"version":`
	fieldUnread       = `"unread":`
	fieldConversation = `"conversation":"c2c_` + streamPeerPrefix
)

// change enters a change. Its fields come in a fixed order, and none of the names that are
// looked for can be in a value.
func (l *listener) change(data []byte) {
	version, _ := number(data, fieldVersion)
	l.book.Version = max(l.book.Version, version)
	if total, ok := number(data, fieldUnread); ok {
		l.book.Unread = total
	}
	for {
		_, rest, found := bytes.Cut(data, []byte(fieldConversation))
		if !found {
			break
		}
		data = rest
		peer, _ := number(data, "")
		if unread, ok := number(data, fieldUnread); ok && peer < streamList {
			l.unread[peer] = uint32(unread)
		}
	}
	l.audience.heard(l.number, version)
}

// number is the number behind a word.
func number(data []byte, word string) (n uint64, ok bool) {
	i := bytes.Index(data, []byte(word))
	if i < 0 {
		return 0, false
	}
	data = data[i+len(word):]
	for i = 0; i < len(data) && data[i] >= '0' && data[i] <= '9'; i++ {
		n = n*10 + uint64(data[i]-'0')
	}
	return n, i > 0
}

// shown is what the client shows.
func (l *listener) shown() book {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.book
	for _, n := range l.unread {
		b.Sum += uint64(n)
	}
	return b
}
