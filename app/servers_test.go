package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"burble/app/network"
	"burble/app/remote"
	"burble/app/remote/remotetest"
	"burble/inference"
	"burble/inference/chat"
)

// serve adds a fake server to an App and loads its model. Keys are kept in a file: tests are nothing for a keyring.
func serve(t testing.TB, a *App, vendor remotetest.Vendor) (*remotetest.Server, remote.Server) {
	t.Helper()
	s := remotetest.New(t, vendor)
	server, err := a.Servers.Save(remote.Server{Name: "myserver", URL: s.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.Models.Load(remote.Ref(server.ID, s.Model))
	eventually(t, "the server's model", func() bool { m, _ := a.Models.Current(); return m.Server != "" })
	return s, server
}

// TestServedAnswers plays a conversation with a server's model: send, stop, cut, continue, regenerate, edit.
func TestServedAnswers(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	dir := t.TempDir()
	a, f := start(t, dir)
	s, _ := serve(t, a, remotetest.LlamaServer)
	c := newChat(t, a)

	s.Say([]string{"Hm", "m."}, []string{"It ", "cuts."})
	if err := a.Chats.Send(c.ID, "What does strings.Cut do?"); err != nil {
		t.Fatal(err)
	}
	list := settled(t, a, c.ID)
	m := list[1]
	if m.Content != "It cuts." || m.Reasoning != "Hmm." || m.Status != StatusComplete || m.Model != "qwen3-32b on myserver" || m.Finish != inference.FinishStop ||
		m.Stats == nil || m.Stats.PromptTokens != 20 || m.Stats.Tokens != 4 || m.Stats.ContextSize != 16384 || m.Error != "" || m.Warning != "" {
		t.Errorf("%+v, %+v", m, m.Stats)
	}
	if chat, err := a.Chats.Chat(c.ID); err != nil || chat.Title != "What does strings.Cut do?" {
		t.Errorf("%+v, %v", chat, err)
	}

	// Stopped in the middle: what has come stays, and the server is told.
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("Half "); st.Wait() })
	if err := a.Chats.Send(c.ID, "And Fields?"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "half an answer", func() bool { list := messages(t, a, c.ID); return list[len(list)-1].Content == "Half " })
	a.Chats.Stop(c.ID)
	list = settled(t, a, c.ID)
	if m := list[3]; m.Status != StatusStopped || m.Content != "Half " {
		t.Errorf("%+v", m)
	}
	eventually(t, "the server's notice", func() bool { _, gone := s.Questions(); return gone == 1 })
	if q := s.Asked(t, 2); !slices.Equal(q.Messages(), []string{"user: What does strings.Cut do?", "assistant: It cuts.", "user: And Fields?"}) {
		t.Errorf("%q", q.Messages())
	}

	// Gone on with, and the connection breaks: interrupted, with all that has come.
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("of an "); st.Cut() })
	if err := a.Chats.Continue(c.ID); err != nil {
		t.Fatal(err)
	}
	list = settled(t, a, c.ID)
	if m := list[3]; m.Status != StatusInterrupted || m.Content != "Half of an " || !strings.HasPrefix(m.Error, "the answer broke off: ") || m.Warning != "" {
		t.Errorf("%+v", m)
	}
	s.Say(nil, []string{"answer."})
	if err := a.Chats.Continue(c.ID); err != nil {
		t.Fatal(err)
	}
	list = settled(t, a, c.ID)
	if m := list[3]; m.Status != StatusComplete || m.Content != "Half of an answer." || m.Error != "" {
		t.Errorf("%+v", m)
	}
	if q := s.Asked(t, 4); q.Messages()[3] != "assistant: Half of an " || q.Body["continue_final_message"] != true {
		t.Errorf("%v", q.Body)
	}

	// Made again, and failing: an error before the first word, and another in the middle.
	s.Script(func(st *remotetest.Stream) { st.Fail(500, "application/json", `{"error":{"message":"out of memory"}}`) })
	if err := a.Chats.Regenerate(c.ID); err != nil {
		t.Fatal(err)
	}
	list = settled(t, a, c.ID)
	if m := list[3]; m.Status != StatusFailed || m.Error != "myserver has failed (500): out of memory" || m.Siblings != 2 {
		t.Errorf("%+v", m)
	}
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("Oh"); st.Data(`{"error":{"message":"slot lost"}}`) })
	if err := a.Chats.Edit(list[2].ID, "And Title?"); err != nil {
		t.Fatal(err)
	}
	list = settled(t, a, c.ID)
	if m := list[3]; m.Status != StatusFailed || m.Content != "Oh" || !strings.Contains(m.Error, "slot lost") || list[2].Content != "And Title?" {
		t.Errorf("%+v", m)
	}
	if f.mu.Lock(); len(f.requests) != 0 {
		t.Errorf("the engine for files was asked: %+v", f.requests)
	}
	f.mu.Unlock()

	// Closing in the middle leaves an interrupted answer, as with a file.
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("Never "); st.Wait() })
	if err := a.Chats.Send(c.ID, "One more"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "half an answer", func() bool { list := messages(t, a, c.ID); return list[len(list)-1].Content == "Never " })
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	o := folders(dir)
	o.Engine = newFake()
	b, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if list := messages(t, b, c.ID); list[len(list)-1].Status != StatusInterrupted || list[len(list)-1].Content != "Never " {
		t.Errorf("%+v", list[len(list)-1])
	}
	// The model used last is opened again, though it is a server's.
	eventually(t, "the server's model", func() bool { m, _ := b.Models.Current(); return m.Title() == "qwen3-32b on myserver" })
}

// TestNoContinue wants an answer of a server that can't go on with it to stay as it is, with the reason.
func TestNoContinue(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	a, _ := start(t, t.TempDir())
	s, _ := serve(t, a, remotetest.Ollama)
	c := newChat(t, a)
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("Half"); st.Cut() })
	if err := a.Chats.Send(c.ID, "Hi"); err != nil {
		t.Fatal(err)
	}
	if m := settled(t, a, c.ID)[1]; m.Status != StatusInterrupted || m.Content != "Half" {
		t.Errorf("%+v", m)
	}
	if err := a.Chats.Continue(c.ID); err == nil || !strings.Contains(err.Error(), "Ollama does not go on") {
		t.Error(err)
	}
	if m := settled(t, a, c.ID)[1]; m.Status != StatusInterrupted || m.Content != "Half" {
		t.Errorf("%+v", m)
	}
}

// TestSwitchEngines goes from a file to a server's model and back, with loads that fail, and answers on both sides.
func TestSwitchEngines(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	dir := t.TempDir()
	a, f := start(t, dir)
	log := record(t, a)
	one, two := newChat(t, a), newChat(t, a)

	// An answer of the file's model goes on while a server's takes its place.
	if err := a.Chats.Send(one.ID, "Hi"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Started{ID: id, PromptTokens: 1, Model: "fake.gguf"}, inference.Token{ID: id, Text: "He", Tokens: 1})
	s, server := serve(t, a, remotetest.VLLM)
	if err := a.Chats.Send(two.ID, "Hi"); err != nil {
		t.Fatal(err)
	}
	if m := settled(t, a, two.ID)[1]; m.Content != "Hello, wörld!" || m.Model != "qwen3-32b on myserver" {
		t.Errorf("%+v", m)
	}
	f.send(inference.Token{ID: id, Text: "llo", Tokens: 2}, inference.Done{ID: id, Reason: inference.FinishStop})
	if m := settled(t, a, one.ID)[1]; m.Content != "Hello" || m.Model != "fake.gguf" {
		t.Errorf("%+v", m)
	}
	if _, unloaded := findNow[ModelUnloaded](log); unloaded {
		t.Error("freeing the file's model looks as if none were loaded")
	}

	// A file that can't be loaded leaves the server's model; what was asked for it fails, and says so.
	f.hold = true
	a.Models.Load(filepath.Join(dir, "broken.gguf"))
	if err := a.Chats.Send(one.ID, "Again"); err != nil {
		t.Fatal(err)
	}
	id, _ = f.asked(t, 2)
	f.mu.Lock()
	load := f.last - 1 // the question came after it
	f.mu.Unlock()
	f.send(inference.Failed{ID: load, Err: errors.New("no model"), Unloaded: true}, inference.Failed{ID: id, Err: inference.ErrNoModel, Unloaded: true})
	find(t, log, func(ev ModelFailed) bool { return strings.Contains(ev.Path, "broken.gguf") })
	if m := settled(t, a, one.ID)[3]; m.Status != StatusFailed || !strings.Contains(m.Error, "another one is loaded") {
		t.Errorf("%+v", m)
	}
	if m, ok := a.Models.Current(); !ok || m.Server != "myserver" {
		t.Errorf("%+v, %v", m, ok)
	}
	if err := a.Chats.Regenerate(one.ID); err != nil {
		t.Fatal(err)
	}
	if m := settled(t, a, one.ID)[3]; m.Content != "Hello, wörld!" {
		t.Errorf("%+v", m)
	}

	// Back to a file.
	f.hold = false
	a.Models.Load(filepath.Join(dir, "fake.gguf"))
	eventually(t, "the file's model", func() bool { m, _ := a.Models.Current(); return m.Server == "" && m.Name == "fake.gguf" })
	if err := a.Chats.Regenerate(one.ID); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 3)
	if len(r.Messages) != 3 {
		t.Errorf("%+v", r.Messages)
	}
	f.answer(id, "Yes")
	if m := settled(t, a, one.ID)[3]; m.Content != "Yes" {
		t.Errorf("%+v", m)
	}
	// A server that is gone leaves the file's model.
	asked, _ := s.Questions()
	s.Close()
	a.Models.Load(remote.Ref(server.ID, ""))
	failed := find(t, log, func(ev ModelFailed) bool { return remote.IsRef(ev.Path) })
	if !strings.Contains(failed.Err.Error(), "nothing answers at 127.0.0.1:") {
		t.Error(failed.Err)
	}
	if m, ok := a.Models.Current(); !ok || m.Name != "fake.gguf" {
		t.Errorf("%+v, %v", m, ok)
	}
	if n, _ := s.Questions(); n != asked {
		t.Error("a server was asked though a file's model is loaded")
	}
}

// findNow looks for a signal without waiting.
func findNow[S Signal](l *signalLog) (found S, ok bool) {
	for _, s := range l.all() {
		if s, is := s.(S); is {
			return s, true
		}
	}
	return found, false
}

// TestServers wants servers kept, tested and listed, and their keys where nobody reads them.
func TestServers(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	dir := t.TempDir()
	a, _ := start(t, dir)
	s := remotetest.New(t, remotetest.SGLang)
	const key = "sk-very-secret-4711"
	s.Key = key

	if _, err := a.Servers.Test(t.Context(), remote.Server{URL: s.URL}, nil); err == nil || !strings.Contains(err.Error(), "wants a key") {
		t.Error(err)
	}
	k := key
	if cat, err := a.Servers.Test(t.Context(), remote.Server{URL: s.URL}, &k); err != nil || cat.Kind != remote.SGLang || len(cat.Models) != 1 {
		t.Errorf("%+v, %v", cat, err)
	}
	if _, err := a.Servers.Save(remote.Server{URL: "ftp://x"}, nil); err == nil {
		t.Error("an address that is none was kept")
	}
	server, err := a.Servers.Save(remote.Server{Name: " my  server ", URL: s.URL + "/"}, &k)
	if err != nil || server.ID == "" || server.Name != "my server" || server.URL != s.URL {
		t.Fatalf("%+v, %v", server, err)
	}
	if kept, err := a.Secrets.Get("server-" + server.ID); kept != key || err != nil || !server.Keyed {
		t.Error(kept, err, server)
	}
	data, err := os.ReadFile(filepath.Join(dir, "config", "servers.json"))
	if err != nil || strings.Contains(string(data), key) || !strings.Contains(string(data), s.URL) {
		t.Errorf("%s, %v", data, err)
	}
	model := func() (ModelFile, bool) {
		list := a.Models.List()
		i := slices.IndexFunc(list, func(f ModelFile) bool { return f.Server != "" })
		if i < 0 {
			return ModelFile{}, false
		}
		return list[i], true
	}
	eventually(t, "the server's models", func() bool {
		m, ok := model()
		return ok && m.Name == "qwen3-32b" && m.Server == "my server" && m.Context == 32768 && m.Err == "" && m.Supported && m.Path == remote.Ref(server.ID, "qwen3-32b")
	})
	// Without a new key, the old one stays; a change of the name counts at once.
	server.Name = "Other"
	if _, err := a.Servers.Save(server, nil); err != nil {
		t.Fatal(err)
	}
	if cat, err := a.Servers.Test(t.Context(), server, nil); err != nil || len(cat.Models) != 1 {
		t.Errorf("%+v, %v", cat, err)
	}
	a.Models.Load(remote.Ref(server.ID, "qwen3-32b"))
	eventually(t, "the model", func() bool { m, _ := a.Models.Current(); return m.Title() == "qwen3-32b on Other" })
	eventually(t, "the model as one used lately", func() bool { m, _ := model(); return !m.Recent.IsZero() })
	if last := a.Models.Last(); last != remote.Ref(server.ID, "qwen3-32b") {
		t.Errorf("Last = %q", last)
	}
	if path, _ := defaultModel(a.paths); remote.IsRef(path) {
		t.Errorf("a command without an App would open %q as a file", path)
	}

	// What goes wrong is in the list.
	empty := ""
	if server, err = a.Servers.Save(server, &empty); err != nil || server.Keyed {
		t.Fatal(err)
	}
	if kept, _ := a.Secrets.Get("server-" + server.ID); kept != "" {
		t.Error("the key is still there")
	}
	eventually(t, "the reason", func() bool { m, _ := model(); return strings.Contains(m.Err, "wants a key") })
	a.Network.SetOffline(true)
	a.Servers.Refresh()
	eventually(t, "the reason", func() bool { m, _ := model(); return strings.Contains(m.Err, network.ErrOffline.Error()) })

	a.Network.SetOffline(false)
	if server, err = a.Servers.Save(server, &k); err != nil || !server.Keyed {
		t.Fatal(err)
	}
	if err := a.Secrets.Delete("server-" + server.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Servers.Test(t.Context(), server, nil); err == nil || !strings.Contains(err.Error(), "enter it again") {
		t.Error(err)
	}
	if err := a.Servers.Remove(server.ID); err != nil {
		t.Fatal(err)
	}
	if kept, _ := a.Secrets.Get("server-" + server.ID); kept != "" || len(a.Servers.List()) != 0 {
		t.Error("it is still there")
	}
	if _, ok := model(); ok || a.Models.Last() == remote.Ref(server.ID, "qwen3-32b") {
		t.Error("its model is still there")
	}
	log := record(t, a)
	a.Models.Load(remote.Ref(server.ID, "qwen3-32b"))
	if ev := find(t, log, any1[ModelFailed]); !errors.Is(ev.Err, ErrNoServer) {
		t.Error(ev.Err)
	}
	// No file of Burble's holds the key, whatever has happened.
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), key) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestServersFile wants a list of servers that can't be read to be told, and left alone.
func TestServersFile(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	dir := t.TempDir()
	path := filepath.Join(dir, "config", "servers.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"servers":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _ := start(t, dir)
	log := record(t, a)
	find(t, log, func(n Notice) bool { return strings.Contains(n.Text, "servers.json can't be read") })
	if _, err := a.Servers.Save(remote.Server{URL: "localhost:8080"}, nil); err == nil {
		t.Error("the file was overwritten")
	}
	if data, err := os.ReadFile(path); string(data) != `{"servers":[` || err != nil {
		t.Errorf("%s, %v", data, err)
	}
}

// TestServedTitle wants titles to be asked of a server's model too, where its size does not speak against it.
func TestServedTitle(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	a, _ := start(t, t.TempDir())
	s, _ := serve(t, a, remotetest.OpenAI)
	s.Script(func(st *remotetest.Stream) {
		st.Begin()
		if list := st.Messages(); strings.Contains(list[len(list)-1], titleQuestion) {
			st.Word("Greetings and Worlds")
		} else {
			st.Word("Hello.")
		}
		st.End("stop", 9, 3)
	})
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "hi there, how are you doing today"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the title", func() bool { c, err := a.Chats.Chat(c.ID); return err == nil && c.Title == "Greetings and Worlds" })
	if m := settled(t, a, c.ID); len(m) != 2 || m[0].Role != chat.User {
		t.Errorf("%+v", m)
	}
}

// countingEngine is a fake that counts tokens, as inference.Engine does.
type countingEngine struct{ *fakeEngine }

func (countingEngine) CountTokens(text string) (int, bool) { return len(text), true }

// TestServedCount wants tokens counted by the vocabulary of a file, and never by that of another model than the one that answers.
func TestServedCount(t *testing.T) {
	var _ TokenCounter = (*inference.Engine)(nil)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	o := folders(t.TempDir())
	o.Engine = countingEngine{newFake()}
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if n, exact := a.Models.CountTokens("12345678"); n != 8 || !exact {
		t.Errorf("%d, %v", n, exact)
	}
	serve(t, a, remotetest.VLLM)
	if n, exact := a.Models.CountTokens("12345678"); n != 2 || exact {
		t.Errorf("%d, %v", n, exact)
	}
}
