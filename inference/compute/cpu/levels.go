package cpu

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// levelTitle is a level's name for people.
func levelTitle(level string) string {
	switch level {
	case "go":
		return "plain Go"
	case "avx512":
		return "AVX512-VNNI"
	case "avxvnni":
		return "AVX-VNNI"
	case "dotprod":
		return "NEON, SDOT"
	}
	return strings.ToUpper(level)
}

// physicalCores counts the cores this process may use, hyperthreads once, where the system tells.
func physicalCores() int {
	logical := runtime.NumCPU()
	seen := map[string]bool{}
	for i := range 4096 {
		dir := "/sys/devices/system/cpu/cpu" + strconv.Itoa(i) + "/topology/"
		siblings, err := os.ReadFile(dir + "thread_siblings_list")
		if err != nil {
			break
		}
		seen[string(siblings)] = true
	}
	if n := len(seen); n > 0 && n < logical {
		return n
	}
	return logical
}
