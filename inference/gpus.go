package inference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"burble/hip"
	"burble/inference/compute"
	"burble/inference/compute/gpu"
)

// systemGPUs are the GPUs of this machine, with compiled kernels kept in the user's cache folder.
func systemGPUs() gpuSource { return &hipGPUs{} }

// hipGPUs finds GPUs through package hip. The driver is opened when it is first needed, and closed by Close.
type hipGPUs struct {
	options  hip.Options
	cacheDir string // "" is the user's
	rt       *hip.Runtime
}

func (g *hipGPUs) open() error {
	if g.rt != nil {
		return nil
	}
	if g.cacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("a folder for compiled kernels: %w", err)
		}
		g.cacheDir = filepath.Join(dir, "burble", "gpu")
	}
	var err error
	g.rt, err = hip.Open(g.options)
	return err
}

// Driver names the driver.
func (g *hipGPUs) Driver() string {
	if g.rt == nil {
		return ""
	}
	return g.rt.Version()
}

// Close closes the driver. All devices opened through it must be closed before.
func (g *hipGPUs) Close() error {
	if g.rt == nil {
		return nil
	}
	err := g.rt.Close()
	g.rt = nil
	return err
}

// Devices lists the GPUs, best first.
func (g *hipGPUs) Devices() ([]DeviceInfo, error) {
	if err := g.open(); err != nil {
		return nil, err
	}
	found, err := g.rt.Devices()
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, hip.ErrNoDevice
	}
	list := make([]DeviceInfo, 0, len(found))
	for _, f := range found {
		info := DeviceInfo{Name: f.Name, Kind: "gpu", Target: f.Target,
			Memory: compute.Memory{Total: f.Memory.Total, Free: f.Memory.Free}, Notes: f.Warnings}
		record, ok := g.remembered(f)
		switch {
		case !ok:
			info.Notes = append(info.Notes, "Its kernels are tested when a model is first loaded on it.")
		case record.Failed == "":
			info.Notes = append(info.Notes, fmt.Sprintf("All %d kernels passed the self-test on %s.", record.Kernels, record.When.Format(time.DateOnly)))
		default:
			info.Notes = append(info.Notes, fmt.Sprintf("The self-test on %s found kernels that compute wrongly here: %s.", record.When.Format(time.DateOnly), record.Failed))
		}
		if ok && record.TokensPerSecond > 0 {
			info.Notes = append(info.Notes, fmt.Sprintf("%.0f tokens a second with %s.", record.TokensPerSecond, record.Model))
		}
		list = append(list, info)
	}
	return list, nil
}

// Open opens the i-th GPU of Devices. The first time that this GPU, driver and build meet, its kernels are held to
// references computed on the CPU; what fails is replaced by its fallback, then and from there on.
func (g *hipGPUs) Open(ctx context.Context, i int, progress func(Progress)) (compute.Device, error) {
	if err := g.open(); err != nil {
		return nil, err
	}
	found, err := g.rt.Devices()
	if err != nil {
		return nil, err
	}
	record, tested := g.remembered(found[i])
	d, err := g.start(ctx, found[i], record.Disabled, progress)
	if err != nil || tested {
		return d, err
	}
	progress(Progress{Stage: StageTest})
	report, err := gpu.SelfTest(ctx, d)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	record = selfTestRecord{When: time.Now(), Kernels: len(report.Checks), Disabled: report.Disabled()}
	var failed []string
	for _, c := range report.Failed() {
		failed = append(failed, c.Name)
	}
	record.Failed = strings.Join(failed, ", ")
	if err := g.remember(found[i], record); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if len(record.Disabled) == 0 {
		return d, nil
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return g.start(ctx, found[i], record.Disabled, progress)
}

func (g *hipGPUs) start(ctx context.Context, info hip.DeviceInfo, disabled []string, progress func(Progress)) (*gpu.Device, error) {
	dev, err := g.rt.OpenDevice(info.Index)
	if err != nil {
		return nil, err
	}
	d, err := gpu.New(ctx, g.rt, dev, gpu.Options{
		CacheDir: filepath.Join(g.cacheDir, "kernels"),
		Disabled: disabled,
		// Asked for by those who know that their library supports their GPU: rocBLAS ends the process where it does not.
		BLAS: os.Getenv("BURBLE_BLAS") == "1",
		Progress: func(done, total int) {
			progress(Progress{Stage: StageCompile, Done: int64(done), Total: int64(total)})
		},
	})
	if err != nil {
		return nil, err
	}
	if _, err := d.BLAS(); err != nil {
		slog.Warn("BURBLE_BLAS=1 has no effect", "err", err)
	}
	return d, nil
}

// selfTestRecord is what is remembered of a GPU with a driver and a build of Burble.
type selfTestRecord struct {
	When            time.Time
	Kernels         int
	Failed          string   `json:",omitempty"` // names of kernels
	Disabled        []string `json:",omitempty"` // of gpu.Options
	Model           string   `json:",omitempty"` // that the speed was measured with
	TokensPerSecond float64  `json:",omitempty"`
}

// recordPath names the file of a GPU's record. Everything that may change a kernel's result is in the name.
func (g *hipGPUs) recordPath(info hip.DeviceInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s|%s|%d", info.Name, info.Target, g.rt.Version(), gpu.KernelsVersion(info.WarpSize), info.WarpSize))
	return filepath.Join(g.cacheDir, "self-test", hex.EncodeToString(sum[:12])+".json")
}

func (g *hipGPUs) remembered(info hip.DeviceInfo) (selfTestRecord, bool) {
	var r selfTestRecord
	b, err := os.ReadFile(g.recordPath(info))
	if err != nil || json.Unmarshal(b, &r) != nil {
		return selfTestRecord{}, false // tested anew
	}
	return r, true
}

func (g *hipGPUs) remember(info hip.DeviceInfo, r selfTestRecord) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := g.recordPath(info)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("remembering the self-test: %w", err)
	}
	part := path + ".part"
	if err := os.WriteFile(part, b, 0o644); err != nil {
		return fmt.Errorf("remembering the self-test: %w", err)
	}
	return os.Rename(part, path)
}

// Measured remembers the speed of an answer on the best GPU, for burble devices.
func (g *hipGPUs) Measured(model string, tokensPerSecond float64) {
	if g.rt == nil {
		return
	}
	found, err := g.rt.Devices()
	if err != nil || len(found) == 0 {
		return
	}
	if r, ok := g.remembered(found[0]); ok {
		r.Model, r.TokensPerSecond = model, tokensPerSecond
		if err := g.remember(found[0], r); err != nil {
			slog.Debug("remembering a speed", "err", err)
		}
	}
}

// Report writes what somebody needs who is to find out why a GPU does not work. It holds no conversation.
func Report(w io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g := &hipGPUs{}
	defer g.Close()
	list, note := devices(g)
	for _, d := range list {
		fmt.Fprintf(w, "%s: %s (%s), %d of %d bytes free\n", d.Kind, d.Name, d.Target, d.Memory.Free, d.Memory.Total)
		for _, n := range d.Notes {
			fmt.Fprintf(w, "  %s\n", n)
		}
	}
	if g.rt == nil {
		_, err := fmt.Fprintln(w, note)
		return err
	}
	return g.rt.Report(w)
}
