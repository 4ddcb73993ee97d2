package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"burble/app/attach"
	"burble/inference"
)

// streamUntilKilled is the other process of TestKill: it streams an answer, and prints the time with every piece that
// has been shown.
func streamUntilKilled(dir string) {
	f := newFake()
	o := folders(dir)
	o.Engine = f
	a, err := New(context.Background(), o)
	if err != nil {
		panic(err)
	}
	a.Models.Load("fake.gguf")
	c, err := a.Chats.Create()
	if err != nil {
		panic(err)
	}
	if err := a.Chats.SendWith(c.ID, "Count", []attach.Document{{Name: "n.txt", Kind: attach.Text, Bytes: 5, Text: "count"}}); err != nil {
		panic(err)
	}
	id := f.ids[0]
	f.send(inference.Started{ID: id, PromptTokens: 1})
	for n := 1; ; n++ {
		f.send(inference.Token{ID: id, Text: fmt.Sprintf("%d ", n), Tokens: n})
		fmt.Printf("%d %d\n", n, time.Now().UnixMilli())
		time.Sleep(5 * time.Millisecond)
	}
}

// TestKill kills a process with SIGKILL in the middle of an answer, several times, and looks at what is left.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	for round := 1; round <= 3; round++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BURBLE_TEST_STREAM="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		type shown struct{ n, at int64 }
		var seen []shown
		lines := bufio.NewScanner(out)
		var deadline time.Time
		var killed int64
		for lines.Scan() {
			var s shown
			if _, err := fmt.Sscan(lines.Text(), &s.n, &s.at); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			seen = append(seen, s)
			if deadline.IsZero() {
				deadline = time.Now().Add(time.Duration(1500+130*round) * time.Millisecond)
			}
			if killed == 0 && time.Now().After(deadline) {
				killed = time.Now().UnixMilli()
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()

		a, _ := start(t, dir)
		list, err := a.Chats.List()
		if err != nil || len(list) != round {
			t.Fatalf("round %d: %d chats, %v", round, len(list), err)
		}
		m := messages(t, a, list[0].ID)
		if len(m) != 2 || m[0].Content != "Count" || len(m[0].Attachments) != 1 || m[1].Status != StatusInterrupted {
			t.Fatalf("round %d: messages = %+v", round, m)
		}
		if text, err := a.Chats.AttachmentText(m[0].Attachments[0].ID); err != nil || text != "count" {
			t.Fatalf("round %d: the attached file is %q, %v", round, text, err)
		}
		words := strings.Fields(m[1].Content)
		for i, w := range words {
			if w != fmt.Sprint(i+1) {
				t.Fatalf("round %d: word %d is %q", round, i, w)
			}
		}
		var lost int64 // age of the oldest piece that is gone
		for _, s := range seen {
			if s.n > int64(len(words)) {
				lost = max(lost, killed-s.at)
			}
		}
		t.Logf("round %d: %d pieces shown, %d kept; the oldest lost one was shown %d ms before the kill", round, len(seen), len(words), lost)
		if lost > 1000 {
			t.Errorf("round %d: a piece shown %d ms before the kill is lost", round, lost)
		}
		if len(words) == 0 {
			t.Errorf("round %d: nothing was kept", round)
		}
		// What was interrupted can be found, and gone on with.
		if err := a.Chats.Continue(list[0].ID); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// writeChats is the other process of TestTwoProcesses.
func writeChats(dir string) {
	f := newFake()
	o := folders(dir)
	o.Engine = f
	a, err := New(context.Background(), o)
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	a.Models.Load("fake.gguf")
	for i := range 20 {
		c, err := a.Chats.Create()
		if err == nil {
			err = a.Chats.Send(c.ID, fmt.Sprintf("Question %d of %d", i, os.Getpid()))
		}
		if err != nil {
			fmt.Println("send:", err)
			os.Exit(1)
		}
		f.answer(f.ids[i], "Answer")
	}
	if err := a.Close(); err != nil {
		fmt.Println("close:", err)
		os.Exit(1)
	}
}

// TestTwoProcesses has several processes write to a new database at once. Nothing may be lost, and none may take the
// others' answers on their way for those of a dead process.
func TestTwoProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	const processes = 3
	var cmds []*exec.Cmd
	var outs []*strings.Builder
	for range processes {
		cmd, out := exec.Command(os.Args[0]), &strings.Builder{}
		cmd.Env = append(os.Environ(), "BURBLE_TEST_WRITE="+dir)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, outs[i])
		}
	}
	a, _ := start(t, dir)
	list, err := a.Chats.List()
	if err != nil || len(list) != 20*processes {
		t.Fatalf("%d chats, want %d (%v)", len(list), 20*processes, err)
	}
	for _, c := range list {
		if m := messages(t, a, c.ID); len(m) != 2 || (m[1].Status == StatusComplete) != (m[1].Content == "Answer") || m[1].Status == StatusStreaming {
			t.Errorf("chat %q: %+v", c.Title, m)
		}
	}
}

// TestOwner opens a second App beside one with an answer on its way.
func TestOwner(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	b, _ := start(t, dir)
	if m := messages(t, b, c.ID); m[1].Status != StatusStreaming {
		t.Errorf("the other's answer is %s", m[1].Status)
	}
	for _, err := range []error{b.Chats.Send(c.ID, "And?"), b.Chats.Regenerate(c.ID)} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("asking in a chat where another process answers: %v", err)
		}
	}
	f.answer(id, "Hi")
	settled(t, a, c.ID)
	if m := messages(t, b, c.ID); m[1].Status != StatusComplete || m[1].Content != "Hi" {
		t.Errorf("the other's answer = %+v", m[1])
	}
	// One whose process has died since is over.
	if _, err := a.store.db.Exec("UPDATE messages SET status = 'streaming', owner = 'dead' WHERE role = 'assistant'"); err != nil {
		t.Fatal(err)
	}
	if err := b.Chats.Send(c.ID, "And?"); err != nil {
		t.Fatal(err)
	}
	if m := messages(t, b, c.ID); m[1].Status != StatusInterrupted || m[3].Status != StatusStreaming {
		t.Errorf("after a death = %+v", m)
	}
}

// TestCloseInTheMiddle keeps what has arrived of an answer.
func TestCloseInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Started{ID: id, PromptTokens: 1}, inference.Token{ID: id, Text: "Half", Tokens: 1})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ := start(t, dir)
	if m := messages(t, b, c.ID); m[1].Status != StatusInterrupted || m[1].Content != "Half" {
		t.Errorf("after reopening = %+v", m[1])
	}
}
