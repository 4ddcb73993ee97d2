// Template: the table of a level, after the templates of its kernels. LEVEL_NAME, LEVEL_TABLE and ROWS are the level's.

const kernels LEVEL_TABLE = {
	.name = LEVEL_NAME,
	.rms_norm = rms_norm,
	.layer_norm = layer_norm,
	.activate = activate,
	.add = add,
	.mul = mul,
	.scale = scale,
	.soft_cap = soft_cap,
	.rope = rope,
	.store = store,
	.top_k = top_k,
	.decode = decode,
	.quantise = quantise,
	.matvec = {
		[T_F32] = matvec_f32, [T_F16] = matvec_f16, [T_BF16] = matvec_bf16,
		[T_Q4_0] = matvec_q4_0, [T_Q4_1] = matvec_q4_1, [T_Q5_0] = matvec_q5_0, [T_Q5_1] = matvec_q5_1,
		[T_Q8_0] = matvec_q8_0, [T_Q4_K] = matvec_q4_k, [T_Q5_K] = matvec_q5_k, [T_Q6_K] = matvec_q6_k,
	},
	.gemm = {
		[T_F32] = gemm_float, [T_F16] = gemm_float, [T_BF16] = gemm_float,
		[T_Q4_0] = gemm_q4_0, [T_Q4_1] = gemm_q4_1, [T_Q5_0] = gemm_q5_0, [T_Q5_1] = gemm_q5_1,
		[T_Q8_0] = gemm_q8_0, [T_Q4_K] = gemm_q4_k, [T_Q5_K] = gemm_q5_k, [T_Q6_K] = gemm_q6_k,
	},
	.tile = ROWS,
	.attend_few = attend_few,
	.attend_many = attend_many,
	.lanes = LANES,
};
