package hip

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// boundBySystem lowers free memory to what the amdgpu kernel driver counts as unused on the card at this PCI
// address. An APU's GPU also reaches system memory (GTT), which its kernels use like its own.
func boundBySystem(m Memory, pci string, integrated bool) Memory {
	return boundBy("/sys/bus/pci/devices/"+pci, m, integrated)
}

// boundBy is boundBySystem for a device's directory in sysfs.
func boundBy(dir string, m Memory, integrated bool) Memory {
	total, ok1 := readInt(filepath.Join(dir, "mem_info_vram_total"))
	used, ok2 := readInt(filepath.Join(dir, "mem_info_vram_used"))
	if !ok1 || !ok2 {
		return m
	}
	if integrated {
		gttTotal, ok1 := readInt(filepath.Join(dir, "mem_info_gtt_total"))
		gttUsed, ok2 := readInt(filepath.Join(dir, "mem_info_gtt_used"))
		if ok1 && ok2 {
			total += gttTotal
			used += gttUsed
		}
	}
	free := max(total-used, 0)
	if m.Free < 0 || free < m.Free {
		m.Free = free
	}
	return m
}

func readInt(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// overrideWarnings says when HSA_OVERRIDE_GFX_VERSION makes the runtime treat the GPU as another family than it is:
// kernels then crash or compute nonsense.
func overrideWarnings(info DeviceInfo) []string {
	v := os.Getenv("HSA_OVERRIDE_GFX_VERSION")
	if v == "" {
		return nil
	}
	return overrideCheck(v, realTargets("/sys/class/kfd/kfd/topology/nodes"))
}

// overrideCheck compares an override such as "11.0.0" with the targets the kernel reports, as in 110001 for gfx1101.
func overrideCheck(override string, targets []int) []string {
	parts := strings.Split(override, ".")
	if len(parts) != 3 {
		return []string{fmt.Sprintf("HSA_OVERRIDE_GFX_VERSION=%q is not of the form 11.0.0; unset it", override)}
	}
	var n [3]int
	for i, p := range parts {
		// The last part is hexadecimal in target names (gfx90a) and decimal here.
		x, err := strconv.Atoi(p)
		if err != nil {
			return []string{fmt.Sprintf("HSA_OVERRIDE_GFX_VERSION=%q is not of the form 11.0.0; unset it", override)}
		}
		n[i] = x
	}
	for _, t := range targets {
		if t/10000 != n[0] || t/100%100 != n[1] {
			return []string{fmt.Sprintf("HSA_OVERRIDE_GFX_VERSION=%s makes this GPU (gfx%d%d%x) pass for another family; unset it",
				override, t/10000, t/100%100, t%100)}
		}
	}
	return nil
}

// realTargets reads gfx_target_version of the GPU nodes in the kernel's topology.
func realTargets(dir string) []int {
	files, err := filepath.Glob(filepath.Join(dir, "*", "properties"))
	if err != nil {
		return nil
	}
	var targets []int
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "gfx_target_version "); ok {
				if v, err := strconv.Atoi(strings.TrimSpace(rest)); err == nil && v > 0 {
					targets = append(targets, v)
				}
			}
		}
	}
	return targets
}
