package hip

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/hip/softhip"
)

func testCompiler(t *testing.T) (*rig, *Compiler, string) {
	g := newRig(t, softhip.Config{}, Options{})
	dir := filepath.Join(t.TempDir(), "kernels")
	c, err := g.r.NewCompiler(dir)
	if err != nil {
		t.Fatal(err)
	}
	return g, c, dir
}

var tiny = Source{Name: "tiny.hip", Text: `#include "value.h"
extern "C" __global__ void set(int* x) { if (threadIdx.x == 0) *x = VALUE + EXTRA; }`,
	Headers: map[string]string{"value.h": "#define VALUE 40\n"}, Options: []string{"-DEXTRA=2"}}

func TestCompileCache(t *testing.T) {
	g, c, dir := testCompiler(t)
	target := g.d.Info().Target
	code, err := c.Compile(context.Background(), target, tiny)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0], ".code") {
		t.Fatalf("the cache holds %v, %v", files, err)
	}
	// A second compiler without a compiler library finds it there.
	cached := &Compiler{request: childRequest{Backend: c.request.Backend}, dir: c.dir, version: c.version, parallel: 1}
	again, err := cached.Compile(context.Background(), target, tiny)
	if err != nil || !bytes.Equal(code, again) {
		t.Errorf("from the cache: %d bytes of %d, %v", len(again), len(code), err)
	}
	// A damaged entry is compiled again and replaced.
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string][]byte{
		"flipped bit": append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1),
		"cut short":   good[:len(good)/2],
		"empty":       {},
		"other file":  []byte("something else entirely, of some length, to pass for a file of the cache"),
	} {
		if err := os.WriteFile(files[0], damage, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := readCache(dir, strings.TrimSuffix(filepath.Base(files[0]), ".code")); ok {
			t.Errorf("%s: the entry was believed", name)
		}
	}
	if _, err := c.Compile(context.Background(), target, tiny); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(files[0]); err != nil || !bytes.HasPrefix(b, []byte(cacheMagic)) || len(b) < 1000 {
		t.Errorf("the damaged entry was not replaced: %d bytes, %v", len(b), err)
	}
	m, err := g.d.LoadModule("tiny", code)
	if err != nil {
		t.Fatal(err)
	}
	x, host := g.buffer("x", 4), g.pinned(4)
	g.s.Launch(g.function(m, "set"), Dim{}, Dim{X: 32}, 0, g.s.Args().Span(x.Span()))
	g.s.Download(host.Span(), x.Span())
	g.sync()
	if got := getInt(host.Bytes(), 0); got != 42 {
		t.Errorf("the kernel set %d, want 42", got)
	}
	if _, err := m.Function("missing"); err == nil || !strings.Contains(err.Error(), "kernel missing of tiny") {
		t.Errorf("a kernel that is not there: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestCacheKeyDependsOnEverything(t *testing.T) {
	c := &Compiler{version: "HIP 6.3"}
	seen := map[string]string{c.key("gfx1100", tiny): "base"}
	add := func(name, key string) {
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[key] = name
	}
	add("target", c.key("gfx1101", tiny))
	add("version", (&Compiler{version: "HIP 6.4"}).key("gfx1100", tiny))
	s := tiny
	s.Text += " "
	add("text", c.key("gfx1100", s))
	s = tiny
	s.Options = []string{"-DEXTRA=3"}
	add("options", c.key("gfx1100", s))
	s = tiny
	s.Headers = map[string]string{"value.h": "#define VALUE 41\n"}
	add("header", c.key("gfx1100", s))
	s = tiny
	s.Name = "renamed.hip"
	if c.key("gfx1100", s) != c.key("gfx1100", tiny) {
		t.Error("the key depends on the name, which changes nothing but messages")
	}
}

func TestCompileErrors(t *testing.T) {
	g, c, dir := testCompiler(t)
	_, err := c.Compile(context.Background(), g.d.Info().Target, Source{Name: "bad.hip", Text: "extern \"C\" __global__ void k() { nonsense; }"})
	var e *CompileError
	if !errors.As(err, &e) || !strings.Contains(e.Log, "bad.hip:1") || !strings.Contains(e.Log, "nonsense") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Compile(ctx, g.d.Info().Target, tiny); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("failed compilations left %v, %v", left, err)
	}
}

func TestCompileAll(t *testing.T) {
	g, c, _ := testCompiler(t)
	var sources []Source
	for _, extra := range []string{"1", "2", "3"} {
		s := tiny
		s.Options = []string{"-DEXTRA=" + extra}
		sources = append(sources, s)
	}
	var steps []int
	codes, err := c.CompileAll(context.Background(), g.d.Info().Target, sources, func(done, total int) { steps = append(steps, done*10+total) })
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) != 3 || len(steps) != 3 || steps[2] != 33 {
		t.Errorf("%d codes, steps %v", len(codes), steps)
	}
	for i, s := range sources {
		one, err := c.Compile(context.Background(), g.d.Info().Target, s)
		if err != nil || !bytes.Equal(one, codes[i]) {
			t.Errorf("code %d is another's: %v", i, err)
		}
	}
	sources[1].Text = "broken("
	if _, err := c.CompileAll(context.Background(), g.d.Info().Target, sources, nil); err == nil {
		t.Error("a broken source was compiled")
	}
}
