package hip

// cudaEntries are the entry points of NVIDIA's driver. Names and numbers: cuda.h of CUDA 11.7 to 13.
// "_v2" is the 64-bit form, which cuda.h gives the plain name.
func (d *driver) cudaEntries() []entry {
	return []entry{
		{name: "cuInit", to: &d.initialise},
		{name: "cuDriverGetVersion", to: &d.driverVersion},
		{name: "cuGetErrorName", to: &d.errorName},
		{name: "cuDeviceGetCount", to: &d.deviceCount},
		{name: "cuDeviceGetName", to: &d.deviceName},
		{name: "cuDeviceGetAttribute", to: &d.deviceAttribute},
		{name: "cuDeviceGetPCIBusId", to: &d.devicePCI},
		{name: "cuDeviceTotalMem_v2", to: &d.deviceMemory},
		{name: "cuDevicePrimaryCtxRetain", to: &d.primaryRetain},
		{name: "cuDevicePrimaryCtxRelease_v2", to: &d.primaryRelease},
		{name: "cuCtxSetCurrent", to: &d.setCurrent},
		{name: "cuMemGetInfo_v2", to: &d.memoryInfo},
		{name: "cuMemAlloc_v2", to: &d.alloc},
		{name: "cuMemFree_v2", to: &d.free},
		{name: "cuMemHostAlloc", to: &d.hostAlloc},
		{name: "cuMemFreeHost", to: &d.hostFree},
		{name: "cuMemHostGetDevicePointer_v2", to: &d.hostDevice},
		{name: "cuStreamCreate", to: &d.streamCreate},
		{name: "cuStreamDestroy_v2", to: &d.streamDestroy},
		{name: "cuStreamWaitEvent", to: &d.streamWait},
		{name: "cuStreamWriteValue32_v2", to: &d.streamWrite32, optional: true},
		{name: "cuStreamBeginCapture_v2", to: &d.beginCapture, optional: true},
		{name: "cuStreamEndCapture", to: &d.endCapture, optional: true},
		{name: "cuEventCreate", to: &d.eventCreate},
		{name: "cuEventDestroy_v2", to: &d.eventDestroy},
		{name: "cuEventRecord", to: &d.eventRecord},
		{name: "cuEventQuery", to: &d.eventQuery},
		{name: "cuEventElapsedTime", to: &d.eventElapsed},
		{name: "cuModuleLoadData", to: &d.moduleLoad},
		{name: "cuModuleUnload", to: &d.moduleUnload},
		{name: "cuModuleGetFunction", to: &d.moduleFunction},
		{name: "cuLaunchKernel", to: &d.launch},
		{name: "cuLaunchKernelEx", to: &d.launchEx, optional: true},
		{name: "cuFuncGetAttribute", to: &d.functionInfo, optional: true},
		{name: "cuFuncSetAttribute", to: &d.functionSet},
		{name: "cuMemcpyHtoDAsync_v2", to: &d.copyHtoD},
		{name: "cuMemcpyDtoHAsync_v2", to: &d.copyDtoH},
		{name: "cuMemcpyDtoDAsync_v2", to: &d.copyDtoD},
		{name: "cuMemsetD8Async", to: &d.fill8},
		{name: "cuMemsetD32Async", to: &d.fill32},
		{name: "cuGraphInstantiateWithFlags", to: &d.graphInstantiate, optional: true},
		{name: "cuGraphGetNodes", to: &d.graphNodes, optional: true},
		{name: "cuGraphLaunch", to: &d.graphLaunch, optional: true},
		{name: "cuGraphDestroy", to: &d.graphDestroy, optional: true},
		{name: "cuGraphExecDestroy", to: &d.graphExecDestroy, optional: true},
	}
}

// cudaAttributes are the numbers of CUdevice_attribute.
func cudaAttributes() deviceAttributes {
	return deviceAttributes{integrated: 18, multiprocessors: 16, warpSize: 10, sharedPerBlock: 8, sharedOptIn: 97,
		threadsPerBlock: 1, l2Bytes: 38, major: 75, minor: 76}
}
