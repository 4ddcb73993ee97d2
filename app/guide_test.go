package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/assets/guide"
	"burble/inference"
)

// TestGuideAtStart wants the guide to be loaded where there is nothing else, and listed last.
func TestGuideAtStart(t *testing.T) {
	dir := t.TempDir()
	f := newFake()
	o := Options{DataDir: filepath.Join(dir, "data"), ConfigDir: filepath.Join(dir, "config"), CacheDir: filepath.Join(dir, "cache"), Engine: f, Guide: guide.Install}
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	path := a.Models.Guide()
	if p, ok := a.Models.Loading(); !ok || p.Path != path || filepath.Dir(path) != o.CacheDir {
		t.Errorf("loading %q, the guide is %q", p.Path, path)
	}
	for deadline := time.Now().Add(5 * time.Second); len(a.Models.List()) == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	list := a.Models.List()
	if i := slices.IndexFunc(list, func(m ModelFile) bool { return m.Path == path }); i != len(list)-1 || i < 0 || list[i].Name != guide.Name || list[i].Err != "" {
		t.Errorf("listed: %+v", list)
	}
	f.send(inference.Loaded{ID: 1, Model: inference.ModelInfo{Path: path}})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, folder := defaultModel(newPaths(o)); folder == "" {
		t.Error("no models folder")
	}
	if last, _ := defaultModel(newPaths(o)); last != "" {
		t.Errorf("the guide is remembered as the user's model: %s", last)
	}

	o.Engine, o.Model = newFake(), "/models/own.gguf"
	if a, err = New(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if p, _ := a.Models.Loading(); p.Path != o.Model {
		t.Errorf("the user asks for %s, and %s is loaded", o.Model, p.Path)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	o.Engine, o.Model = newFake(), ""
	o.Guide = func(string) (string, error) { return "", errors.New("the disk is full") }
	if a, err = New(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, loading := a.Models.Loading(); loading || a.Models.Guide() != "" {
		t.Error("there is a guide where there can't be one")
	}
}

// TestGuideAnswers asks the guide itself.
func TestGuideAnswers(t *testing.T) {
	dir := t.TempDir()
	a, err := New(context.Background(), Options{DataDir: filepath.Join(dir, "data"), ConfigDir: filepath.Join(dir, "config"), CacheDir: filepath.Join(dir, "cache"), Guide: guide.Install})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	signals, cancel := a.Subscribe()
	defer cancel()
	wait := func(what string, done func(Signal) bool) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for {
			select {
			case s := <-signals:
				if failed, ok := s.(ModelFailed); ok {
					t.Fatal(failed.Err)
				}
				if done(s) {
					return
				}
			case <-deadline:
				t.Fatalf("no %s", what)
			}
		}
	}
	wait("guide", func(s Signal) bool { _, ok := s.(ModelLoaded); return ok })
	for _, q := range []struct{ question, want string }{
		{"How do I load a model?", "Ctrl+O"},
		{"What is Q4_K_M?", "4.8"},
		{"Is my data private?", "telemetry"},
		{"What is the capital of France?", "I don't know that"},
	} {
		chat, err := a.Chats.Create()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Chats.Send(chat.ID, q.question); err != nil {
			t.Fatal(err)
		}
		wait("answer", func(s Signal) bool { d, ok := s.(AnswerDone); return ok && d.ChatID == chat.ID })
		messages, err := a.Chats.Messages(chat.ID)
		if err != nil || len(messages) != 2 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		if answer := messages[1].Content; !strings.Contains(answer, q.want) {
			t.Errorf("%q is answered %q, without %q", q.question, answer, q.want)
		}
	}
	if _, err := os.Stat(a.Models.Guide()); err != nil {
		t.Error(err)
	}
}
