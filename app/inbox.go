package app

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/adrg/xdg"

	"burble/app/lock"
)

// Inbox receives what further starts of Burble are asked for, so that there is one window: `burble file.gguf` opens the file
// in the window that is there. It is a socket of the user's alone (Unix has them, and Windows since 2018) beside a lock, which the
// system frees however the process ends: a socket that was left behind is known by that.
type Inbox struct {
	requests chan Request
	held     *os.File // the lock
	listener net.Listener
	running  sync.WaitGroup
	closing  chan struct{}
	once     sync.Once
}

// Request is what a further start was asked for.
type Request struct {
	File string `json:"file"` // absolute path of a model; empty: to show the window
}

const (
	inboxTimeout = 5 * time.Second // for a running Burble to answer
	inboxLimit   = 64 << 10        // bytes of a request
)

// OpenInbox opens the inbox of the window on o's data, on the screen that the environment names. Where a window has it already,
// file ("" for none) is handed to that one, and forwarded is true. Where neither works, inbox is nil and err says why; a further
// window does no harm.
func OpenInbox(o Options, file string) (inbox *Inbox, forwarded bool, err error) {
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return nil, false, err
		}
	}
	p := newPaths(o)
	if err := os.MkdirAll(p.Data, 0o700); err != nil {
		return nil, false, fmt.Errorf("making Burble's folder %s: %w", p.Data, err)
	}
	base, err := inboxBase(p)
	if err != nil {
		return nil, false, err
	}
	held, err := os.OpenFile(base+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("looking for another Burble: %w", err)
	}
	var refused error
	for deadline := time.Now().Add(inboxTimeout); ; time.Sleep(20 * time.Millisecond) {
		mine, err := lock.File(held)
		if err != nil {
			held.Close()
			return nil, false, fmt.Errorf("locking %s: %w", held.Name(), err)
		}
		if mine {
			i, err := listenInbox(base+".sock", held)
			return i, false, err
		}
		if refused = forward(base+".sock", Request{file}); refused == nil {
			held.Close()
			return nil, true, nil
		}
		if time.Now().After(deadline) { // it may be starting, or ending
			held.Close()
			return nil, false, fmt.Errorf("another Burble is running and doesn't answer: %w", refused)
		}
	}
}

// inboxBase returns the path of the inbox's files without their extension. One that is too long for a socket is refused.
func inboxBase(p Paths) (string, error) {
	screen := sha256.Sum256([]byte(p.Data + "\n" + os.Getenv("WAYLAND_DISPLAY") + "\n" + os.Getenv("DISPLAY")))
	dir := filepath.Join(xdg.RuntimeDir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		dir = filepath.Join(p.Data, "window")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
	}
	base := filepath.Join(dir, fmt.Sprintf("window-%x", screen[:6]))
	const longest = 100 // systems take 104 bytes at least, a zero included
	if n := len(base) + len(".sock"); n > longest {
		return "", fmt.Errorf("the path of %s.sock is too long for a socket (%d bytes): set XDG_RUNTIME_DIR to a shorter one", base, n)
	}
	return base, nil
}

// forward hands a request to the window that listens at path.
func forward(path string, r Request) error {
	c, err := net.DialTimeout("unix", path, inboxTimeout)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(inboxTimeout)); err != nil {
		return err
	}
	if err := json.NewEncoder(c).Encode(r); err != nil {
		return err
	}
	answer, err := bufio.NewReader(io.LimitReader(c, inboxLimit)).ReadString('\n')
	if err != nil {
		return err
	}
	if answer != inboxTaken {
		return fmt.Errorf("it answered %q", answer)
	}
	return nil
}

// inboxTaken is the answer to a request.
const inboxTaken = "taken\n"

func listenInbox(path string, held *os.File) (*Inbox, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of one that was killed
		held.Close()
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("waiting for further starts: %w", err)
	}
	i := &Inbox{requests: make(chan Request, 16), held: held, listener: l, closing: make(chan struct{})}
	i.running.Go(i.accept)
	return i, nil
}

// Requests returns the channel of requests, closed by Close.
func (i *Inbox) Requests() <-chan Request { return i.requests }

// accept takes one request after the other: they are short, and come from the user's hand.
func (i *Inbox) accept() {
	defer close(i.requests)
	for {
		c, err := i.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-i.closing:
				return
			case <-time.After(100 * time.Millisecond): // out of file descriptors, say
				continue
			}
		}
		i.receive(c)
	}
}

// receive reads a request and answers. What isn't one gets no answer.
func (i *Inbox) receive(c net.Conn) {
	defer c.Close()
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	var r Request
	if json.NewDecoder(io.LimitReader(c, inboxLimit)).Decode(&r) != nil || r.File != "" && !filepath.IsAbs(r.File) {
		return
	}
	select {
	case i.requests <- r:
		_, _ = io.WriteString(c, inboxTaken) // who asked may be gone
	case <-i.closing:
	}
}

// Close ends the inbox. A start after this one opens a window of its own.
func (i *Inbox) Close() error {
	var err error
	i.once.Do(func() {
		close(i.closing)
		err = i.listener.Close() // which removes the socket
		i.running.Wait()
		err = errors.Join(err, i.held.Close())
	})
	return err
}
