package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"burble/gguf"
	"burble/inference/chat"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
	"burble/inference/tokenizer"
)

// LoadedModel is an open file with its network, tokenizer, template and one session. It owns all of them.
type LoadedModel struct {
	file      *gguf.File
	devices   []compute.Device
	model     *model.Model
	cache     *model.Cache
	session   *Session
	tokenizer *tokenizer.Tokenizer
	noText    error // why there is no tokenizer
	template  *chat.Template
	info      ModelInfo
	warnings  []string
	took      time.Duration
}

// Session returns the model's session.
func (m *LoadedModel) Session() *Session { return m.session }

// Tokenizer returns the model's tokenizer, or an error where the file has none that can be used.
func (m *LoadedModel) Tokenizer() (*tokenizer.Tokenizer, error) { return m.tokenizer, m.noText }

// Template returns the model's chat template.
func (m *LoadedModel) Template() *chat.Template { return m.template }

// Info describes the model.
func (m *LoadedModel) Info() ModelInfo { return m.info }

// Warnings are sentences for the user about what did not work as the file asks.
func (m *LoadedModel) Warnings() []string { return m.warnings }

// Took is the time the load took.
func (m *LoadedModel) Took() time.Duration { return m.took }

// Close frees everything, last made first.
func (m *LoadedModel) Close() error {
	var errs []error
	if m.cache != nil {
		m.cache.Close()
	}
	if m.model != nil {
		errs = append(errs, m.model.Close())
	}
	for i := len(m.devices) - 1; i >= 0; i-- {
		errs = append(errs, m.devices[i].Close())
	}
	if m.file != nil {
		errs = append(errs, m.file.Close())
	}
	return errors.Join(errs...)
}

const (
	// defaultContext is the context of a model where the user chose none: long enough for a conversation, and its
	// KV cache stays below a gigabyte for the usual models.
	defaultContext = 8192
	// cpuRows and gpuRows are the most tokens of a prefill pass. More rows read the weights less often, and take
	// more memory for activations.
	cpuRows = 256
)

// OpenModel loads a model for a caller that drives it itself, such as a benchmark. progress may be nil. On a GPU
// the caller must be locked to its OS thread, and stay on it.
func OpenModel(ctx context.Context, path string, p Placement, progress func(Progress)) (*LoadedModel, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	return openModel(ctx, path, p, func() error { return nil }, progress, slog.New(slog.DiscardHandler))
}

// openModel loads a model. release is called once the file has proved to hold a model that can be run, before
// memory is taken for it.
func openModel(ctx context.Context, path string, p Placement, release func() error, progress func(Progress), log *slog.Logger) (m *LoadedModel, err error) {
	start := time.Now()
	progress(Progress{Stage: StageOpen})
	m = &LoadedModel{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
			m = nil
		}
	}()
	if m.file, err = gguf.Open(path); err != nil {
		return m, err
	}
	arch, layers, err := model.Architecture(m.file)
	if err != nil {
		return m, err
	}
	kvType := gguf.F16
	if p.KVType != "" {
		if kvType, err = gguf.ParseType(p.KVType); err != nil {
			return m, fmt.Errorf("KV cache type: %w", err)
		}
	}
	if err := m.readText(); err != nil {
		return m, err
	}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	if err := release(); err != nil {
		log.Error("freeing the previous model", "err", err)
	}

	dev, err := cpu.New(cpu.Options{Threads: p.Threads, FloatActivations: p.FloatActivations})
	if err != nil {
		return m, err
	}
	m.devices = append(m.devices, dev)
	throttled := throttle(progress)
	size := p.Context
	if size <= 0 {
		trained, _ := m.file.Metadata.Uint(arch + ".context_length") // model.Open checks it
		size = int(min(trained, defaultContext))
	}
	m.model, err = model.Open(ctx, m.file, model.OnOne(dev, layers), model.Options{Rows: cpuRows, Context: size}, func(done, total int64) {
		throttled(Progress{Stage: StageRead, Done: done, Total: total})
	})
	if err != nil {
		return m, err
	}
	if m.cache, err = m.model.NewCache(size, kvType); err != nil {
		return m, err
	}
	m.session = newSession(m.model, m.cache)
	if err := m.warmUp(ctx, progress); err != nil {
		return m, err
	}
	m.info = m.describe(path, arch)
	m.took = time.Since(start)
	return m, nil
}

// readText makes the tokenizer and the chat template. A file without them can still be measured, so what is missing
// is kept for whoever asks for text.
func (m *LoadedModel) readText() error {
	m.tokenizer, m.noText = tokenizer.New(m.file.Metadata)
	if m.noText != nil {
		m.warnings = append(m.warnings, "This file can't chat: "+m.noText.Error())
		return nil
	}
	source, _ := m.file.Metadata.String("tokenizer.chat_template")
	template, warning, err := chat.NewTemplate(source, m.tokenizer.BOSText(), m.tokenizer.EOSText())
	if err != nil {
		return fmt.Errorf("chat template: %w", err)
	}
	m.template = template
	if warning != "" {
		m.warnings = append(m.warnings, warning)
	}
	return nil
}

// warmUp runs one token, so that the first answer doesn't wait for page faults, kernels or captures.
func (m *LoadedModel) warmUp(ctx context.Context, progress func(Progress)) error {
	progress(Progress{Stage: StageWarm})
	if _, err := m.session.Sync(ctx, []int32{0}, nil); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	m.session.Reset()
	return nil
}

func (m *LoadedModel) describe(path, arch string) ModelInfo {
	name, ok := m.file.Metadata.String("general.name")
	if !ok || name == "" {
		name = filepath.Base(path)
	}
	dev := m.devices[len(m.devices)-1]
	return ModelInfo{
		Path:          path,
		Name:          name,
		Architecture:  arch,
		Quantisation:  m.file.Quantisation(),
		Parameters:    m.file.Parameters(),
		FileBytes:     m.file.Size(),
		ContextTrain:  m.model.Context,
		ContextSize:   m.cache.Size(),
		Device:        dev.Name(),
		DeviceMemory:  dev.Memory(),
		Layers:        m.model.Layers,
		ThinkingModel: m.template != nil && m.template.Thinks(),
	}
}

// throttle passes on the first report, the last of each stage, and about thirty a second between.
func throttle(report func(Progress)) func(Progress) {
	var last time.Time
	return func(p Progress) {
		if now := time.Now(); p.Done == 0 || p.Done >= p.Total || now.Sub(last) > 33*time.Millisecond {
			last = now
			report(p)
		}
	}
}

// DeviceInfo describes something that can run a model.
type DeviceInfo struct {
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`             // "cpu" or "gpu"
	Target string         `json:"target,omitempty"` // "gfx1100", "sm_90", "amd64"
	Memory compute.Memory `json:"memory"`
	Note   string         `json:"note,omitempty"` // for the user: what is wrong, or what was measured
}

// Devices lists what can run a model, best first.
func Devices() []DeviceInfo {
	var list []DeviceInfo
	if dev, err := cpu.New(cpu.Options{}); err == nil {
		list = append(list, DeviceInfo{Name: dev.Name(), Kind: "cpu", Target: runtime.GOARCH, Memory: dev.Memory()})
		dev.Close()
	}
	return list
}
