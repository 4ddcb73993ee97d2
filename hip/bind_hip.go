package hip

import "unsafe"

// hipEntries are the entry points of AMD's runtime. Names and numbers: hip/hip_runtime_api.h of ROCm 5 to 7.
func (d *driver) hipEntries() []entry {
	return []entry{
		{name: "hipInit", to: &d.initialise},
		{name: "hipDriverGetVersion", to: &d.driverVersion},
		{name: "hipRuntimeGetVersion", to: &d.runtimeVersion},
		{name: "hipGetErrorName", to: &d.errorName},
		{name: "hipGetDeviceCount", to: &d.deviceCount},
		{name: "hipSetDevice", to: &d.setDevice},
		{name: "hipDeviceGetName", to: &d.deviceName},
		{name: "hipDeviceGetAttribute", to: &d.deviceAttribute},
		{name: "hipDeviceGetPCIBusId", to: &d.devicePCI},
		{name: "hipDeviceTotalMem", to: &d.deviceMemory},
		// gcnArchName lies at another offset in each; see hipTarget.
		{name: "hipGetDevicePropertiesR0600", to: &d.propertiesR0600, optional: true},
		{name: "hipGetDevicePropertiesR0000", to: &d.propertiesR0000, optional: true},
		{name: "hipGetDeviceProperties", to: &d.properties, optional: true},
		{name: "hipMemGetInfo", to: &d.memoryInfo},
		{name: "hipMalloc", to: &d.alloc},
		{name: "hipFree", to: &d.free},
		{name: "hipHostMalloc", to: &d.hostAlloc},
		{name: "hipHostFree", to: &d.hostFree},
		{name: "hipHostGetDevicePointer", to: &d.hostDevice},
		{name: "hipStreamCreateWithFlags", to: &d.streamCreate},
		{name: "hipStreamDestroy", to: &d.streamDestroy},
		{name: "hipStreamWaitEvent", to: &d.streamWait},
		{name: "hipStreamWriteValue32", to: &d.streamWrite32, optional: true},
		{name: "hipStreamBeginCapture", to: &d.beginCapture, optional: true},
		{name: "hipStreamEndCapture", to: &d.endCapture, optional: true},
		{name: "hipEventCreateWithFlags", to: &d.eventCreate},
		{name: "hipEventDestroy", to: &d.eventDestroy},
		{name: "hipEventRecord", to: &d.eventRecord},
		{name: "hipEventQuery", to: &d.eventQuery},
		{name: "hipEventElapsedTime", to: &d.eventElapsed},
		{name: "hipModuleLoadData", to: &d.moduleLoad},
		{name: "hipModuleUnload", to: &d.moduleUnload},
		{name: "hipModuleGetFunction", to: &d.moduleFunction},
		{name: "hipModuleLaunchKernel", to: &d.launch},
		{name: "hipFuncGetAttribute", to: &d.functionInfo, optional: true},
		{name: "hipMemcpyHtoDAsync", to: &d.copyHtoD},
		{name: "hipMemcpyDtoHAsync", to: &d.copyDtoH},
		{name: "hipMemcpyDtoDAsync", to: &d.copyDtoD},
		{name: "hipMemsetD8Async", to: &d.fill8},
		{name: "hipMemsetD32Async", to: &d.fill32},
		{name: "hipGraphInstantiateWithFlags", to: &d.graphInstantiate, optional: true},
		{name: "hipGraphGetNodes", to: &d.graphNodes, optional: true},
		{name: "hipGraphLaunch", to: &d.graphLaunch, optional: true},
		{name: "hipGraphDestroy", to: &d.graphDestroy, optional: true},
		{name: "hipGraphExecDestroy", to: &d.graphExecDestroy, optional: true},
	}
}

// hipAttributes are the numbers of hipDeviceAttribute_t since ROCm 5.0.
func hipAttributes() deviceAttributes {
	return deviceAttributes{integrated: 16, multiprocessors: 63, warpSize: 87, sharedPerBlock: 74, sharedOptIn: -1,
		threadsPerBlock: 56, l2Bytes: 19, major: 23, minor: 61}
}

// hipTarget reads gcnArchName, such as "gfx90a:sramecc+:xnack-", out of the properties struct, whose layout
// depends on which version of the call answers. It returns "" where none gives a plausible name.
func (d *driver) hipTarget(device int) string {
	const room = 8192 // far beyond any known size of the struct
	for _, v := range []struct {
		fn     uintptr
		offset int
	}{
		{d.propertiesR0600, 1160}, // size 1472
		{d.propertiesR0000, 396},  // size 792
		{d.properties, 396},
	} {
		if v.fn == 0 {
			continue
		}
		buf := make([]byte, room)
		if call(v.fn, uintptr(unsafe.Pointer(&buf[0])), uintptr(device)) != statusOK {
			continue
		}
		if t := gfxName(textOf(buf[v.offset : v.offset+256])); t != "" {
			return t
		}
	}
	return ""
}

// gfxName is the processor part of a target name if it is "gfx" and lower-case hexadecimal digits, else "".
func gfxName(s string) string {
	for i, c := range s {
		if c == ':' {
			s = s[:i]
			break
		}
	}
	if len(s) < 4 || s[:3] != "gfx" {
		return ""
	}
	for _, c := range s[3:] {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return ""
		}
	}
	return s
}
