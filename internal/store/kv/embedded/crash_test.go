package embedded_test

const childDir = "SIPWARD_TEST_STORE_DIR"

func child(string) {}
