package remote

import (
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// read returns the events of a stream, with why it ended.
func read(r io.Reader) (all []string, err error) {
	e := newEventReader(r)
	for {
		ev, err := e.next()
		if err != nil {
			return all, err
		}
		text := string(ev.data)
		if ev.name != "" {
			text = ev.name + "/" + text
		}
		all = append(all, text)
	}
}

func TestEvents(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"plain":          {"data: a\n\ndata: b\n\n", []string{"a", "b"}},
		"CRLF":           {"data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
		"CR":             {"data: a\r\rdata: b\r\r", []string{"a", "b"}},
		"mixed":          {"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r\n", []string{"a", "b", "c"}},
		"no space":       {"data:a\n\ndata:  b\n\n", []string{"a", " b"}},
		"comments":       {": ping\n\n:\n\ndata: a\n: ping\ndata: b\n\n: ping\n\n", []string{"a\nb"}},
		"lines":          {"data: {\ndata: \"a\"\ndata\ndata: }\n\n", []string{"{\n\"a\"\n\n}"}},
		"BOM":            {"\ufeffdata: a\n\n", []string{"a"}},
		"BOM later":      {"data: a\n\n\ufeffdata: b\n\n", []string{"a"}},
		"names":          {"event: error\ndata: a\n\ndata: b\n\nid: 7\nretry: 10\nevent: x\n\ndata: c\n\n", []string{"error/a", "b", "c"}},
		"field error":    {"error: {}\n\n", []string{"error/{}"}},
		"other fields":   {"dat: a\nfoo\n\ndata: b\n\n", []string{"b"}},
		"no end":         {"data: a\n\ndata: [DONE]", []string{"a", "[DONE]"}},
		"no last line":   {"data: a\n\ndata: b\n", []string{"a", "b"}},
		"empty":          {"", nil},
		"empty data":     {"data:\n\ndata: a\n\n", []string{"", "a"}},
		"long":           {"data: " + long + "\n\ndata: a\n\n", []string{long, "a"}},
		"UTF-8":          {"data: wörld 🌍 你好\n\n", []string{"wörld 🌍 你好"}},
		"colon in value": {"data: a: b\n\n", []string{"a: b"}},
	} {
		for way, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.stream), "bytes": iotest.OneByteReader(strings.NewReader(c.stream)),
			"halves": iotest.HalfReader(strings.NewReader(c.stream)), "with EOF": iotest.DataErrReader(strings.NewReader(c.stream)),
		} {
			got, err := read(r)
			if err != io.EOF || !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: %.80q, %v; want %.80q", name, way, got, err, c.want)
			}
		}
	}
}

// TestEventsAtOnce wants an event as soon as its end has come, also where lines end with a CR that an LF may follow.
func TestEventsAtOnce(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		r, w := io.Pipe()
		e := newEventReader(r)
		for _, text := range []string{"first", "second"} {
			go io.WriteString(w, "data: "+text+end+end)
			if ev, err := e.next(); string(ev.data) != text || err != nil {
				t.Errorf("%q: %q, %v", end, ev.data, err)
			}
		}
		w.Close()
	}
}

// endless is a stream that repeats a text for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

// TestEventsBounded wants streams that never end an event, or a line, to cost no more than an event's worth of memory.
func TestEventsBounded(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"a line": io.MultiReader(strings.NewReader("data: "), endless("x")),
		"lines":  endless("data: 0123456789012345678901234567890123456789\n"),
		"name":   endless("y"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(r)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, errEventSize) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 12*maxEvent { // growing a slice copies it a few times
			t.Errorf("%s: %d MiB allocated", name, n>>20)
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: a\r\n\r\n: x\n\nevent: e\ndata: b\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		whole, _ := read(strings.NewReader(s))
		bytes, _ := read(iotest.OneByteReader(strings.NewReader(s)))
		if !slices.Equal(whole, bytes) {
			t.Errorf("%q: %q whole, %q in bytes", s, whole, bytes)
		}
	})
}
