package hip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Source is a translation unit for a [Compiler].
type Source struct {
	Name    string            // "matvec.hip", for messages
	Text    string            // HIP C++; kernels are extern "C"
	Headers map[string]string // what #include "name" finds: name → text
	Options []string          // further options of the compiler, such as "-DROWS=4"
}

// Compiler makes code objects for a target out of HIP C++ source, and keeps them in a folder.
//
// Compiling happens in a child process of the same program, because hiprtc of ROCm 5 ends the process when it meets
// a target it doesn't know. The program's main calls [MaybeCompileChild] first for that. Methods may be called from
// any goroutine.
type Compiler struct {
	request  childRequest // what is the same for every source
	dir      string
	version  string
	parallel int
}

// NewCompiler makes a compiler that caches in folder dir, which it creates. It fails where the machine has no
// compiler library.
func (r *Runtime) NewCompiler(dir string) (*Compiler, error) {
	if dir == "" {
		return nil, errors.New("hip: a compiler needs a folder for its cache")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("hip: the kernel cache: %w", err)
	}
	c := &Compiler{dir: dir, version: r.Version() + " " + r.drv.path, parallel: min(max(runtime.NumCPU()/2, 1), 4)}
	c.request.Backend = r.drv.backend
	c.request.Libraries = compilerLibraries(r.drv)
	if r.drv.backend == CUDA {
		// NVRTC has a version of its own, and is harmless to load here.
		rtc, err := loadCompiler(CUDA, c.request.Libraries)
		if err != nil {
			return nil, err
		}
		c.version += " " + rtc.version()
	}
	return c, nil
}

// compilerLibraries are the libraries to look for the compiler in, the likeliest first.
func compilerLibraries(d *driver) []string {
	if d.rtcPath != "" {
		return []string{d.rtcPath}
	}
	if d.backend == CUDA {
		return append(slices.Clone(nvrtcLibraries), toolkitPlaces("libnvrtc.so.1[1-9]")...)
	}
	// hiprtc lay inside the runtime before ROCm 6, as it does in the software device.
	known := false
	var same, other []string
	for _, h := range hipLibraries {
		known = known || h == d.path
	}
	if !known {
		return append([]string{d.path}, hiprtcLibraries...)
	}
	for _, l := range hiprtcLibraries {
		// The compiler of the same major version as the runtime goes first.
		if v := filepath.Ext(d.path); v != ".so" && v != ".dll" && filepath.Ext(l) == v {
			same = append(same, l)
		} else {
			other = append(other, l)
		}
	}
	return append(append(same, d.path), other...)
}

// CompileError is what the compiler says about a source it rejects.
type CompileError struct {
	Source, Target string
	Log            string
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("hip: compiling %s for %s: %s", e.Source, e.Target, e.Log)
}

// Compile returns the code object of src for target, a [DeviceInfo].Target, from the cache or compiled now.
func (c *Compiler) Compile(ctx context.Context, target string, src Source) ([]byte, error) {
	key := c.key(target, src)
	if code, ok := readCache(c.dir, key); ok {
		return code, nil
	}
	code, err := c.compileInChild(ctx, target, src)
	if err != nil {
		return nil, err
	}
	if err := writeCache(c.dir, key, code); err != nil {
		return nil, err
	}
	return code, nil
}

// CompileAll compiles several sources, a few at a time, and returns their code objects in the same order. progress
// is called after each, one call at a time, with how many are done; it may be nil. The first error ends the rest.
func (c *Compiler) CompileAll(ctx context.Context, target string, sources []Source, progress func(done, total int)) ([][]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	codes := make([][]byte, len(sources))
	slots := make(chan struct{}, c.parallel)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
		done  int
	)
	for i, src := range sources {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			code, err := c.Compile(ctx, target, src)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if first == nil {
					first = err
					cancel()
				}
				return
			}
			codes[i] = code
			done++
			if progress != nil {
				progress(done, len(sources))
			}
		})
	}
	wg.Wait()
	return codes, first
}

// compileArgument is the first argument of a child process that compiles.
const compileArgument = "__compile"

// childRequest is what the child reads from its standard input.
type childRequest struct {
	Backend   Backend
	Libraries []string
	Target    string
	Source    Source
	Out       string // file for the code object, or for the compiler's message
}

// Exit codes of the child. Anything else means that it crashed.
const (
	childOK       = 0
	childRejected = 3 // Out holds the compiler's message
)

func (c *Compiler) compileInChild(ctx context.Context, target string, src Source) ([]byte, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("hip: compiling %s: %w", src.Name, err)
	}
	tmp, err := os.MkdirTemp(c.dir, "compile-")
	if err != nil {
		return nil, fmt.Errorf("hip: compiling %s: %w", src.Name, err)
	}
	defer os.RemoveAll(tmp)
	req := c.request
	req.Target, req.Source, req.Out = target, src, filepath.Join(tmp, "out")
	input, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("hip: compiling %s: %w", src.Name, err)
	}
	cmd := exec.CommandContext(ctx, exe, compileArgument)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("hip: compiling %s: %w", src.Name, ctx.Err())
	}
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == childRejected {
		log, readErr := os.ReadFile(req.Out)
		if readErr != nil {
			return nil, fmt.Errorf("hip: compiling %s: %w", src.Name, readErr)
		}
		return nil, &CompileError{Source: src.Name, Target: target, Log: strings.TrimSpace(string(log))}
	}
	if err != nil {
		return nil, &CompileError{Source: src.Name, Target: target,
			Log: fmt.Sprintf("the compiler crashed (%v); it probably does not know this target: %s", err, firstLines(stderr.String(), 3))}
	}
	code, err := os.ReadFile(req.Out)
	if err != nil || len(code) == 0 {
		return nil, fmt.Errorf("hip: compiling %s: the compiling process left no code (does main call hip.MaybeCompileChild?): %w",
			src.Name, errors.Join(err, errors.New(firstLines(stderr.String(), 3))))
	}
	return code, nil
}

// firstLines is the beginning of what a crashed process wrote: the end is a dump of its registers.
func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[:min(len(lines), n)], "\n")
}

// MaybeCompileChild makes this process a compiling child and does not return, if it was started as one. Call it first
// thing in main, and in TestMain of packages whose tests compile kernels.
func MaybeCompileChild() {
	if len(os.Args) < 2 || os.Args[1] != compileArgument {
		return
	}
	os.Exit(compileChild())
}

func compileChild() int {
	// HIP and the compilers keep state per thread.
	runtime.LockOSThread()
	var req childRequest
	if err := json.NewDecoder(os.Stdin).Decode(&req); err != nil {
		fmt.Fprintln(os.Stderr, "hip: the compiling process got no request:", err)
		return 2
	}
	code, err := compileHere(req)
	status := childOK
	if err != nil {
		code, status = []byte(err.Error()), childRejected
	}
	if err := os.WriteFile(req.Out, code, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return status
}

func compileHere(req childRequest) ([]byte, error) {
	rtc, err := loadCompiler(req.Backend, req.Libraries)
	if err != nil {
		return nil, err
	}
	return rtc.compile(req.Target, req.Source)
}
