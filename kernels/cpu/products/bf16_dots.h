// Whether products of bf16 maps use the processor's bf16 dot products.
#pragma once

namespace mcnn::cpu {

/// True where the processor has AVX512_BF16 and Highway's target is AVX-512. Decided by the processor alone, not by a measurement
/// at start-up: a resumed run must compute the same bits. VDPBF16PS has twice the multiply-adds of an fp32 FMA on AMD Zen 4
/// (measured: 55 to 27 GFLOP/s a core beside other work), Zen 5 and Intel Sapphire Rapids.
bool has_bf16_dots();

}  // namespace mcnn::cpu
