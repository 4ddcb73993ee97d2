package gpu

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"burble/hip"
)

var update = flag.Bool("update", false, "write the table of docs/kernels.md anew")

// targets are the GPUs that kernels are compiled for in CI, with the width of a warp.
var targets = []struct {
	name string
	warp int
}{
	{"gfx906", 64}, {"gfx90a", 64}, {"gfx942", 64}, {"gfx1030", 32}, {"gfx1100", 32}, {"gfx1151", 32}, {"gfx1200", 32}, {"gfx1201", 32},
}

const (
	clang   = "clang-19"
	readelf = "llvm-readelf-19"
)

// resources are what a kernel takes of a compute unit.
type resources struct {
	Kernel                      string
	VGPR, AGPR, LDS, SGPR       int
	Scratch, VSpilled, SSpilled int
}

// record is where -update keeps what it found, by a hash of the compiler, the target and the source. What has not changed since
// need not be compiled again on every machine: there are hundreds of modules for all targets, and ten minutes of compiling.
const record = "testdata/resources.json.gz"

// always is the target that everything is compiled for on every machine, recorded or not.
const always = "gfx1100"

// TestKernelResources compiles every kernel for every target, unless it is known from an earlier run that was recorded, and
// fails on scratch memory and spilled registers. It also compares the table in docs/kernels.md, or writes it with -update.
func TestKernelResources(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling every kernel for every target takes minutes")
	}
	for _, tool := range []string{clang, readelf, "ld.lld-19"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s (Debian: clang-19, lld-19, llvm-19)", tool)
		}
	}
	version := firstLine(t, clang)
	dir := filepath.Join(os.TempDir(), "burble-kernel-resources")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	recorded := map[string][]resources{}
	if !*update {
		recorded = readRecord(t)
	}
	modules := Modules()
	// Another compiler than the recorded one would have everything compiled anew, which is ten minutes of a fast machine: then
	// one target stands for all.
	targets := targets
	if !*update && !slices.ContainsFunc(modules, func(m string) bool {
		_, key, err := sourceOf(version, targets[0].name, m, targets[0].warp)
		_, known := recorded[key]
		return err == nil && known
	}) {
		t.Logf("the record is of another compiler than %s: compiling for %s alone", version, always)
		i := slices.IndexFunc(targets, func(target struct {
			name string
			warp int
		}) bool {
			return target.name == always
		})
		targets = targets[i : i+1]
	}
	found := map[string][]resources{}
	type job struct{ target, module int }
	results := make([][][]resources, len(targets))
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ctx, cancel := context.WithTimeout(context.Background(), 45*time.Minute)
	defer cancel()
	for range runtime.NumCPU() {
		wg.Go(func() {
			for j := range jobs {
				known := recorded
				if targets[j.target].name == always {
					known = nil
				}
				key, r, err := compileFor(ctx, dir, known, version, targets[j.target].name, modules[j.module], targets[j.target].warp)
				mu.Lock()
				found[key] = r
				if err != nil {
					t.Errorf("%s for %s: %v", modules[j.module], targets[j.target].name, err)
				}
				results[j.target][j.module] = r
				mu.Unlock()
			}
		})
	}
	for i := range targets {
		results[i] = make([][]resources, len(modules))
		for m := range modules {
			jobs <- job{i, m}
		}
	}
	close(jobs)
	wg.Wait()
	for i, target := range targets {
		for m, list := range results[i] {
			if len(list) == 0 {
				t.Errorf("%s for %s: no kernels", modules[m], target.name)
			}
			for _, r := range list {
				if r.Scratch != 0 || r.VSpilled != 0 || r.SSpilled != 0 {
					t.Errorf("%s of %s for %s: %d bytes of scratch memory, %d vector and %d scalar registers spilled",
						r.Kernel, modules[m], target.name, r.Scratch, r.VSpilled, r.SSpilled)
				}
			}
		}
	}
	if t.Failed() {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Compiled by %s. Each cell: vector registers (with accumulation registers after a plus), then bytes of LDS.\n", version)
	for m, name := range modules {
		fmt.Fprintf(&b, "\n### %s\n\n| kernel |", name)
		for _, target := range targets {
			fmt.Fprintf(&b, " %s |", target.name)
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(targets)) + "\n")
		for k, r := range results[0][m] {
			fmt.Fprintf(&b, "| %s |", r.Kernel)
			for i := range targets {
				c := results[i][m][k]
				if c.Kernel != r.Kernel {
					t.Fatalf("%s has other kernels for %s", name, targets[i].name)
				}
				registers := strconv.Itoa(c.VGPR)
				if c.AGPR > 0 {
					registers += "+" + strconv.Itoa(c.AGPR)
				}
				fmt.Fprintf(&b, " %s, %d |", registers, c.LDS)
			}
			b.WriteString("\n")
		}
	}
	checkTable(t, version, b.String())
	if *update && !t.Failed() {
		writeRecord(t, found)
	}
}

func readRecord(t *testing.T) map[string][]resources {
	t.Helper()
	f, err := os.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]resources{}
	if err := json.NewDecoder(z).Decode(&known); err != nil {
		t.Fatal(err)
	}
	return known
}

func writeRecord(t *testing.T, found map[string][]resources) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(found), z.Close(), os.MkdirAll(filepath.Dir(record), 0o755), os.WriteFile(record, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// checkTable compares the generated part of docs/kernels.md, if the same compiler made it.
func checkTable(t *testing.T, version, table string) {
	t.Helper()
	const begin, end = "<!-- generated: go test ./inference/compute/gpu -run TestKernelResources -update -->\n", "<!-- end of generated -->\n"
	path := filepath.Join("..", "..", "..", "docs", "kernels.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of its generated part", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table && strings.Contains(old, "Compiled by "+version+".") {
		t.Errorf("the table in %s is out of date; run this test with -update", path)
	}
}

func firstLine(t *testing.T, tool string) string {
	t.Helper()
	out, err := exec.Command(tool, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if i := strings.Index(line, "clang version"); i >= 0 {
		line = line[i:]
	}
	words := strings.Fields(line)
	return strings.Join(words[:min(3, len(words))], " ")
}

// writeSource writes a module's translation unit and what it includes to dir.
func writeSource(dir string, src hip.Source) (string, error) {
	main := filepath.Join(dir, src.Name)
	if err := os.WriteFile(main, []byte(src.Text), 0o600); err != nil {
		return "", err
	}
	for name, text := range src.Headers {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return main, nil
}

// sourceOf returns a module's source, and the hash of all that its machine code depends on.
func sourceOf(version, target, module string, warp int) (src hip.Source, key string, err error) {
	if src, err = Source(module, warp); err != nil {
		return src, "", err
	}
	names := make([]string, 0, len(src.Headers))
	for n := range src.Headers {
		names = append(names, n)
	}
	sort.Strings(names)
	h := sha256.New()
	fmt.Fprintln(h, 2, version, target, src.Options, src.Text)
	for _, n := range names {
		fmt.Fprintln(h, n, src.Headers[n])
	}
	return src, hex.EncodeToString(h.Sum(nil)), nil
}

// compileFor compiles a module and reads what its kernels need, or takes it from the record or an earlier run on this machine.
func compileFor(ctx context.Context, cache string, recorded map[string][]resources, version, target, module string, warp int) (key string, list []resources, err error) {
	src, key, err := sourceOf(version, target, module, warp)
	if err != nil {
		return "", nil, err
	}
	if list, ok := recorded[key]; ok {
		return key, list, nil
	}
	known := filepath.Join(cache, key+".json")
	if b, err := os.ReadFile(known); err == nil && json.Unmarshal(b, &list) == nil {
		return key, list, nil
	}
	dir, err := os.MkdirTemp(cache, "compile-")
	if err != nil {
		return key, nil, err
	}
	defer os.RemoveAll(dir)
	main, err := writeSource(dir, src)
	if err != nil {
		return key, nil, err
	}
	object := filepath.Join(dir, "object")
	args := append([]string{"-x", "hip", "--offload-arch=" + target, "--offload-device-only", "--no-gpu-bundle-output", "-nogpuinc",
		"-nogpulib", "-std=c++17", "-O3", "-Wall", "-Werror", "-Wno-unused-function", "-I", dir, main, "-o", object}, src.Options...)
	if out, err := exec.CommandContext(ctx, clang, args...).CombinedOutput(); err != nil {
		return key, nil, fmt.Errorf("%w\n%s", err, out)
	}
	notes, err := exec.CommandContext(ctx, readelf, "--notes", object).Output()
	if err != nil {
		return key, nil, err
	}
	if list, err = parseNotes(notes); err != nil {
		return key, nil, err
	}
	b, err := json.Marshal(list)
	if err != nil {
		return key, nil, err
	}
	return key, list, os.WriteFile(known, b, 0o600)
}

// parseNotes reads the kernels' metadata, which is YAML: one entry per kernel, its keys indented by four.
func parseNotes(notes []byte) ([]resources, error) {
	var list []resources
	var r resources
	in := false
	s := bufio.NewScanner(bytes.NewReader(notes))
	for s.Scan() {
		line := s.Text()
		if line == "amdhsa.kernels:" {
			in = true
			continue
		}
		if !in {
			continue
		}
		if strings.HasPrefix(line, "  - ") {
			if r.Kernel != "" {
				list = append(list, r)
			}
			r = resources{}
			line = "    " + line[4:]
		}
		if !strings.HasPrefix(line, "    .") {
			if strings.HasPrefix(line, "amdhsa.") {
				break
			}
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		fields := map[string]*int{".vgpr_count": &r.VGPR, ".agpr_count": &r.AGPR, ".sgpr_count": &r.SGPR, ".group_segment_fixed_size": &r.LDS,
			".private_segment_fixed_size": &r.Scratch, ".vgpr_spill_count": &r.VSpilled, ".sgpr_spill_count": &r.SSpilled}
		if key == ".name" {
			r.Kernel = value
		} else if f := fields[key]; f != nil {
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("metadata %q: %w", line, err)
			}
			*f = n
		}
	}
	if r.Kernel != "" {
		list = append(list, r)
	}
	return list, s.Err()
}

// TestKernelsForNVIDIA compiles every kernel to PTX, which NVRTC's users would otherwise be the first to do.
func TestKernelsForNVIDIA(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling every kernel takes half a minute")
	}
	if _, err := exec.LookPath(clang); err != nil {
		t.Skipf("no %s", clang)
	}
	early := 0
	defer func() {
		if early < 100 && !t.Failed() {
			t.Errorf("only %d kernels start early", early)
		}
	}()
	for _, module := range Modules() {
		src, err := Source(module, 32)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		main, err := writeSource(dir, src)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out.ptx")
		args := append([]string{"-x", "cuda", "--cuda-gpu-arch=sm_90", "-nocudainc", "-nocudalib", "--cuda-device-only", "-S", "-std=c++17",
			"-O1", "-Wno-unknown-cuda-version", "-I", dir, main, "-o", out}, src.Options...)
		if b, err := exec.Command(clang, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", module, err, b)
			continue
		}
		ptx, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(ptx, []byte(".local ")) {
			t.Errorf("%s uses local memory", module)
		}
		// A kernel that starts before its predecessor's end and does not wait for it would be a race that no test but chance shows.
		entries := strings.Split(string(ptx), ".visible .entry ")
		for _, entry := range entries[1:] {
			name, body, _ := strings.Cut(entry, "(")
			if waits := strings.Contains(body, "griddepcontrol.wait"); startsEarly(name) && !waits {
				t.Errorf("%s of %s starts early and does not wait", name, module)
			} else if startsEarly(name) {
				early++
			}
		}
	}
}
