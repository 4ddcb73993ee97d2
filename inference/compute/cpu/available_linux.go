package cpu

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"burble/inference/compute"
)

// systemMemory reads the machine's total memory, and what can be had without swapping.
func systemMemory() compute.Memory {
	m := compute.Memory{Free: -1}
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			m.Total = kib << 10
		case "MemAvailable:":
			m.Free = kib << 10
		}
	}
	return m
}
