/* Under cuBLAS 13's name, one that says it is 11.4. */
int cublasGetProperty(int type, int* value) {
  static const int version[] = {11, 4, 0};
  *value = version[type];
  return 0;
}
