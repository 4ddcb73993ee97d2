package attach

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"time"
)

// childArgument is the first argument of a child process that reads a file. The kind follows.
const childArgument = "__attach"

// Limits of a child.
const (
	childTime   = 60 * time.Second
	childMemory = 1 << 30 // bytes
)

// reply is what a child writes to its standard output, as JSON, after its length in 8 bytes.
type reply struct {
	Text, Note string
	Err        string // one of childErrors, or else a sentence
}

// childErrors are those whose identity survives the way back.
func childErrors() []error {
	return []error{ErrScanned, ErrNoText, ErrBinary, ErrTooLarge, ErrProtected, ErrBroken, ErrTooLong, ErrFormat}
}

// readInChild has a child process read a document. The child gets the file's bytes, and opens no files itself.
func readInChild(ctx context.Context, kind Kind, data []byte) (text, note string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("starting a process to read it: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	cmd := exec.CommandContext(limited, exe, childArgument, string(kind))
	cmd.Stdin = bytes.NewReader(data)
	out := &bounded{most: 8 + 6*(MaxText+1<<16)} // JSON takes up to six bytes for one
	cmd.Stdout = out
	cmd.Env = []string{"GOTRACEBACK=none", "GOMAXPROCS=2", "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), "PATH=" + os.Getenv("PATH"),
		"LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}
	cmd.WaitDelay = time.Second
	quiet(cmd)
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case limited.Err() != nil:
		return "", "", ErrTooLong
	case cmd.ProcessState == nil:
		return "", "", fmt.Errorf("starting a process to read it: %w", err)
	case cmd.ProcessState.ExitCode() == exitMemory:
		return "", "", ErrTooLong
	}
	var r reply
	b := out.Bytes()
	if len(b) < 8 || binary.LittleEndian.Uint64(b) != uint64(len(b)-8) || json.Unmarshal(b[8:], &r) != nil {
		return "", "", ErrBroken // it crashed, which is what it is there for
	}
	if r.Err == "" {
		return r.Text, r.Note, nil
	}
	for _, e := range childErrors() {
		if r.Err == e.Error() {
			return "", "", e
		}
	}
	return "", "", errors.New(r.Err)
}

// bounded keeps what is written to it, up to a limit.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, ErrTooLarge
	}
	return b.Buffer.Write(p)
}

// exitMemory is the exit code of a child that took too much memory.
const exitMemory = 4

// MaybeChild makes this process one that reads a file and does not return, if it was started as one. Call it first thing in
// main, and in TestMain of packages whose tests read documents.
func MaybeChild() {
	if len(os.Args) != 3 || os.Args[1] != childArgument {
		return
	}
	limitMemory(childMemory)
	debug.SetMemoryLimit(childMemory / 2)
	debug.SetMaxStack(64 << 20)
	go watchMemory(childMemory * 3 / 4)
	go func() { // for a parent that has gone
		time.Sleep(childTime + 5*time.Second)
		os.Exit(exitMemory)
	}()
	data, err := io.ReadAll(io.LimitReader(os.Stdin, MaxFile+1))
	if err != nil {
		os.Exit(1)
	}
	var r reply
	r.Text, r.Note, err = readDocument(Kind(os.Args[2]), data)
	if err != nil {
		r = reply{Err: err.Error()}
	}
	b, err := json.Marshal(r)
	if err != nil {
		os.Exit(1)
	}
	b = append(binary.LittleEndian.AppendUint64(nil, uint64(len(b))), b...)
	if _, err := os.Stdout.Write(b); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// watchMemory ends the process when it has taken more than so many bytes: where the system sets no limit, this does.
func watchMemory(most uint64) {
	var m runtime.MemStats
	for range time.Tick(20 * time.Millisecond) {
		if runtime.ReadMemStats(&m); m.HeapSys-m.HeapReleased > most {
			os.Exit(exitMemory)
		}
	}
}

// readDocument reads a document in this process. What a parser panics over is ErrBroken.
func readDocument(kind Kind, data []byte) (text, note string, err error) {
	defer func() {
		if recover() != nil {
			text, note, err = "", "", ErrBroken
		}
	}()
	switch kind {
	case PDF:
		return readPDF(data)
	case DOCX:
		text, err = readDOCX(data)
	case ODT:
		text, err = readODT(data)
	case HTML:
		text, err = readHTML(data)
	default:
		err = ErrFormat
	}
	return text, "", err
}
