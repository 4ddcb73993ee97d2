package inference

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCountTokens(t *testing.T) {
	path := filepath.Join("..", "..", "shared", "models", "gopher-20m-Q8_0.gguf")
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	e := Start(context.Background(), Options{})
	defer e.Close()
	if _, ok := e.CountTokens("Hello"); ok {
		t.Error("tokens are counted without a model")
	}
	if _, ok := e.Tokens("Hello"); ok {
		t.Error("there are tokens without a model")
	}
	e.Load(path, Placement{Device: "cpu"})
	for loaded := false; !loaded; {
		select {
		case ev := <-e.Events():
			switch ev := ev.(type) {
			case Failed:
				t.Fatal(ev.Err)
			case Loaded:
				loaded = true
			}
		case <-time.After(time.Minute):
			t.Fatal("the model does not load")
		}
	}
	parts, ok := e.Tokens(" gopher<|im_end|>")
	whole := ""
	for _, p := range parts {
		whole += p.Text
		if text, ok := e.TokenText(p.ID); !ok || text != p.Text {
			t.Errorf("token %d is %q, and was %q", p.ID, text, p.Text)
		}
	}
	if !ok || whole != " gopher<|im_end|>" || parts[len(parts)-1].Text != "<|im_end|>" {
		t.Errorf("tokens %+v", parts)
	}
	for _, id := range []int32{-1, 1 << 30} {
		if text, ok := e.TokenText(id); ok {
			t.Errorf("token %d is %q", id, text)
		}
	}
	n, ok := e.CountTokens("Hello, gopher. Hello, gopher.")
	if one, _ := e.CountTokens("Hello, gopher."); !ok || one < 2 || n < 2*one-2 || n > 2*one+4 {
		t.Errorf("%d tokens, and %d for twice as much", one, n)
	}
}
