package terminal

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/model/modeltest"
)

func TestBench(t *testing.T) {
	model := modeltest.Write(t, modeltest.Options{})
	var r benchResult
	out := works(t, "", "bench", "-m", model, "--device", "cpu", "-p", "16", "-n", "8", "-d", "4", "-r", "3", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Model != model || r.Device == "" || r.Prefill <= 0 || r.Decode <= 0 || r.LoadSeconds <= 0 || r.FirstToken < r.LoadSeconds ||
		r.ReadBandwidth <= 0 || r.ReadBandwidthShare <= 0 || len(r.PrefillRuns) != 3 || len(r.DecodeRuns) != 3 || r.Bytes <= 0 {
		t.Errorf("bench = %+v", r)
	}
	// These names are for scripts.
	var keys map[string]any
	if err := json.Unmarshal([]byte(out), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"model", "device", "prefill_tps", "decode_tps", "load_s", "peak_rss_bytes", "read_bandwidth_share"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("bench --json lacks %s: %s", key, out)
		}
	}
	if runtime.GOOS == "linux" && r.PeakRSS < 1<<20 {
		t.Errorf("the process has had %d bytes at most", r.PeakRSS)
	}
	out = works(t, "", "bench", "-m", model, "--device", "cpu", "-p", "16", "-n", "0", "-r", "1")
	if !strings.Contains(out, "prefill") || strings.Contains(out, "decode") {
		t.Errorf("with -n 0: %s", out)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		runs        []float64
		mid, spread float64
	}{
		{nil, 0, 0}, {[]float64{4}, 4, 0}, {[]float64{6, 4}, 5, 0.4}, {[]float64{9, 1, 5}, 5, 1.6}, {[]float64{4, 1, 2, 8}, 3, 7.0 / 3},
	} {
		if mid, spread := median(c.runs); mid != c.mid || math.Abs(spread-c.spread) > 1e-12 {
			t.Errorf("median(%v) = %v, %v; want %v, %v", c.runs, mid, spread, c.mid, c.spread)
		}
	}
}

func TestTouch(t *testing.T) {
	b := make([]uint64, 64*line)
	var want uint64
	for i := range b {
		b[i] = 1 << 62 // spoils the sum where it is read
		if i%line == 0 {
			b[i] = 1 << (i / line % 50)
			want += b[i]
		}
	}
	if got := touch(b); got != want {
		t.Errorf("touch = %d, want %d: not every line was read once", got, want)
	}
}

func BenchmarkReadBandwidth(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(readBandwidth(0)/1e9, "GB/s")
	}
}

// tokenize runs debug tokenize on texts.
func tokenize(t *testing.T, texts []string, args ...string) [][]int32 {
	t.Helper()
	var in strings.Builder
	for _, text := range texts {
		b, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&in, "%s\n", b)
	}
	var list [][]int32
	for line := range strings.Lines(works(t, in.String(), append([]string{"debug", "tokenize"}, args...)...)) {
		var ids struct {
			IDs []int32 `json:"ids"`
		}
		if err := json.Unmarshal([]byte(line), &ids); err != nil || ids.IDs == nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, ids.IDs)
	}
	if len(list) != len(texts) {
		t.Fatalf("%d lines for %d texts", len(list), len(texts))
	}
	return list
}

func TestTokenize(t *testing.T) {
	model := modeltest.Write(t, modeltest.Options{})
	lists := tokenize(t, []string{"Hello there", "", "Hello there"}, "-m", model)
	if len(lists[0]) == 0 || len(lists[1]) != 0 || fmt.Sprint(lists[0]) != fmt.Sprint(lists[2]) {
		t.Errorf("ids = %v", lists)
	}
	code, _, said := burble(t, "{\"text\":\"one\"}\n{\"text\":", "debug", "tokenize", "-m", model)
	if code != exitError || !strings.Contains(said, "line 2") {
		t.Errorf("a broken line: %d, %s", code, said)
	}
}

func TestTokenizeSpecial(t *testing.T) {
	model := shared(t, "models/gopher-20m-Q8_0.gguf")
	text := []string{"<|im_start|>"}
	plain, special := tokenize(t, text, "-m", model)[0], tokenize(t, text, "-m", model, "--special")[0]
	if len(special) != 1 || len(plain) < 2 {
		t.Errorf("<|im_start|> is %v, and %v with --special", plain, special)
	}
}

// logits runs debug logits on ids, and returns a row for each.
func logits(t *testing.T, model string, ids []int32, flags ...string) [][]float32 {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "ids.json"), filepath.Join(dir, "out.f32")
	b, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b, 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, "", append([]string{"debug", "logits", "-m", model, "--device", "cpu", "--kv", "f32", "--tokens", in, "-o", out}, flags...)...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 || len(data)%(4*len(ids)) != 0 {
		t.Fatalf("%d bytes of logits for %d tokens", len(data), len(ids))
	}
	rows := make([][]float32, len(ids))
	for i := range rows {
		rows[i] = decodeFloats(data[i*len(data)/len(ids) : (i+1)*len(data)/len(ids)])
	}
	return rows
}

func decodeFloats(b []byte) []float32 {
	values := make([]float32, len(b)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values
}

// TestPerplexity computes it once more from the logits of each window.
func TestPerplexity(t *testing.T) {
	const window = 16
	model := modeltest.Write(t, modeltest.Options{})
	text := filepath.Join(t.TempDir(), "text")
	content := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 8)
	if err := os.WriteFile(text, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := works(t, "", "perplexity", "-m", model, "--device", "cpu", "--kv", "f32", "-f", text, "-c", fmt.Sprint(window))
	var got, uncertainty float64
	var scored, windows int
	if _, err := fmt.Sscanf(out, "perplexity %f ± %f over %d tokens in %d windows", &got, &uncertainty, &scored, &windows); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	plain := tokenize(t, []string{content}, "-m", model)[0]
	ids := tokenize(t, []string{content}, "-m", model, "--add-special")[0]
	bos := len(ids) > len(plain)
	var nlls []float64
	for w := range len(ids) / window {
		part := append([]int32(nil), ids[w*window:(w+1)*window]...)
		if bos {
			part[0] = ids[0]
		}
		rows := logits(t, model, part)
		for i := window / 2; i < window-1; i++ {
			var total float64
			for _, v := range rows[i] {
				total += math.Exp(float64(v))
			}
			nlls = append(nlls, math.Log(total)-float64(rows[i][part[i+1]]))
		}
	}
	var mean, variance float64
	for _, v := range nlls {
		mean += v / float64(len(nlls))
	}
	for _, v := range nlls {
		variance += (v - mean) * (v - mean) / float64(len(nlls))
	}
	want := math.Exp(mean)
	wantUncertainty := math.Sqrt(variance/float64(len(nlls)-1)) * want
	if windows != len(ids)/window || scored != len(nlls) || math.Abs(got/want-1) > 1e-4 || math.Abs(uncertainty/wantUncertainty-1) > 1e-3 {
		t.Errorf("%s, want %.4f ± %.5f over %d tokens", out, want, wantUncertainty, len(nlls))
	}
}

func TestLogitsRefused(t *testing.T) {
	model := modeltest.Write(t, modeltest.Options{})
	dir := t.TempDir()
	in := filepath.Join(dir, "ids.json")
	for _, content := range []string{"[1, 99999999]", "[-1]", "{}", "[1.5]"} {
		if err := os.WriteFile(in, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, said := burble(t, "", "debug", "logits", "-m", model, "--tokens", in, "-o", filepath.Join(dir, "out"))
		if code != exitError || said == "" {
			t.Errorf("%s: %d, %q", content, code, said)
		}
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		template, input, out string
		code                 int
	}{
		{"{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }};{% endfor %}",
			`{"bos_token":"<s>","messages":[{"role":"user","content":"Hi"}]}`, "<s>user: Hi;", exitOK},
		{"{{ raise_exception('No.') }}", `{"messages":[]}`, "", exitRaised},
		{"{% if %}", `{"messages":[]}`, "", exitRaised},
		{"fine", `{"messages":`, "", exitError},
		{"fine", `[]`, "", exitError},
	} {
		path := filepath.Join(t.TempDir(), "template")
		if err := os.WriteFile(path, []byte(c.template), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, said := burble(t, c.input, "debug", "render", "--template", path)
		if code != c.code || out != c.out || (code == exitOK) != (said == "") {
			t.Errorf("%s with %s: %d, %q, %q; want %d, %q", c.template, c.input, code, out, said, c.code, c.out)
		}
	}
}

func TestDequantize(t *testing.T) {
	// More blocks than are read at once, all of them different: block i of Q8_0 has the scale 1 and the elements i-k.
	const blocks = 5000
	var in []byte
	var want []float32
	for i := range blocks {
		in = binary.LittleEndian.AppendUint16(in, gguf.F32ToF16(1))
		for k := range 32 {
			v := int8(i - k)
			in, want = append(in, byte(v)), append(want, float32(v))
		}
	}
	out := works(t, string(in), "debug", "dequantize", "--type", "q8_0")
	if len(out) != 4*len(want) {
		t.Fatalf("%d bytes, want %d", len(out), 4*len(want))
	}
	for i, w := range want {
		if got := math.Float32frombits(binary.LittleEndian.Uint32([]byte(out[4*i:]))); got != w {
			t.Fatalf("element %d is %v, want %v", i, got, w)
		}
	}
	if code, _, said := burble(t, string(in[:40]), "debug", "dequantize", "--type", "Q8_0"); code != exitError || !strings.Contains(said, "34 bytes") {
		t.Errorf("half a block: %d, %q", code, said)
	}
	if out := works(t, "", "debug", "dequantize", "--type", "Q8_0"); out != "" {
		t.Errorf("nothing gives %q", out)
	}
}
