package remote

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// event is one of a stream of server-sent events.
// Format: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
type event struct {
	name string // the event field; empty: a plain message
	data []byte
}

// maxEvent is the most bytes of one event. A token takes some hundred; a whole answer in one event fits too.
const maxEvent = 16 << 20

var errEventSize = errors.New("the server has sent an event of more than 16 MiB, which is no piece of an answer")

// eventReader reads events. Lines end with LF, CRLF or CR; comments, which keep a connection alive, are left out.
type eventReader struct {
	r       *bufio.Reader
	begun   bool
	afterCR bool // an LF that comes next belongs to the line before
	line    []byte
}

func newEventReader(r io.Reader) *eventReader { return &eventReader{r: bufio.NewReaderSize(r, 32<<10)} }

// next returns the next event that has data. Where the stream ends in the middle of one, it is what has come of it: some servers
// leave out the last empty line. After that, the error is io.EOF or why reading failed.
func (e *eventReader) next() (event, error) {
	var ev event
	var data []byte
	has := false
	for {
		line, err := e.readLine()
		if len(line) > 0 {
			name, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(name) {
			case "data":
				if has {
					data = append(data, '\n')
				}
				if len(data)+len(value) > maxEvent {
					return ev, errEventSize
				}
				data, has = append(data, value...), true
			case "event":
				ev.name = string(value)
			case "error": // llama.cpp's server has sent errors as a field of that name
				ev.name, data, has = "error", append(data[:0], value...), true
			}
		}
		if err != nil && err != io.EOF {
			return ev, err
		}
		if has && (err == io.EOF || len(line) == 0) {
			ev.data = data
			return ev, nil
		}
		if err == io.EOF {
			return ev, io.EOF
		}
		if len(line) == 0 {
			ev.name = "" // an event without data is none
		}
	}
}

// readLine returns a line without its end. With an error, it is what came before.
func (e *eventReader) readLine() ([]byte, error) {
	e.line = e.line[:0]
	if !e.begun {
		e.begun = true
		if b, err := e.r.Peek(3); err == nil && string(b) == "\ufeff" {
			_, _ = e.r.Discard(3)
		}
	}
	for {
		b, err := e.r.ReadByte()
		if err != nil {
			return e.line, err
		}
		if e.afterCR {
			e.afterCR = false
			if b == '\n' {
				continue
			}
		}
		switch b {
		case '\r':
			e.afterCR = true
			return e.line, nil
		case '\n':
			return e.line, nil
		}
		if len(e.line) >= maxEvent {
			return nil, errEventSize
		}
		e.line = append(e.line, b)
	}
}
