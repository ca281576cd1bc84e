"""Uses the installed library from Python, with only the standard library: ctypes_test.py LIBRARY WEIGHTS PHOTO.  Next: capi/mcnn.h."""

import ctypes as c
import sys
import threading
import unittest

OK, INVALID_ARGUMENT, BAD_WEIGHTS, BAD_PHOTO = 0, 1, 2, 3
LIBRARY, WEIGHTS, PHOTO = (argument.encode() for argument in sys.argv[1:4])


class Options(c.Structure):
    """mcnn_options, field by field."""

    _fields_ = [
        ("size", c.c_size_t),
        ("threads", c.c_int),
        ("device", c.c_char_p),
        ("network", c.c_char_p),
        ("padding", c.c_char_p),
        ("crop_rule", c.c_char_p),
        ("bn_eps", c.c_float),
        ("allow_missing", c.POINTER(c.c_char_p)),
        ("allow_missing_count", c.c_size_t),
        ("most_pixels", c.c_int64),
        ("products", c.c_char_p),
        ("allow_tf32", c.c_int),
        ("reserved", c.c_int),
    ]


def load():
    lib = c.CDLL(LIBRARY.decode())
    floats, model = c.POINTER(c.c_float), c.c_void_p
    for name, result, arguments in [
        ("mcnn_last_error", c.c_char_p, []),
        ("mcnn_open", c.c_int, [c.c_char_p, c.POINTER(Options), c.POINTER(model)]),
        ("mcnn_close", None, [model]),
        ("mcnn_class_count", c.c_size_t, [model]),
        ("mcnn_class_name", c.c_char_p, [model, c.c_size_t]),
        ("mcnn_classify_rgb", c.c_int, [model, c.c_char_p, c.c_int, c.c_int, c.c_size_t, floats, c.c_size_t]),
        ("mcnn_classify_bytes", c.c_int, [model, c.c_char_p, c.c_size_t, floats, c.c_size_t]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


lib = load()


class Library(unittest.TestCase):
    def setUp(self):
        self.model = c.c_void_p()
        options = Options(size=c.sizeof(Options), threads=1)
        self.assertEqual(lib.mcnn_open(WEIGHTS, options, c.byref(self.model)), OK, lib.mcnn_last_error())
        self.classes = lib.mcnn_class_count(self.model)
        with open(PHOTO, "rb") as file:
            self.photo = file.read()

    def tearDown(self):
        lib.mcnn_close(self.model)

    def classify(self, data):
        p = (c.c_float * self.classes)()
        return lib.mcnn_classify_bytes(self.model, data, len(data), p, self.classes), list(p)

    def test_class_names(self):
        names = [lib.mcnn_class_name(self.model, i).decode() for i in range(self.classes)]
        self.assertEqual(len(names), 18)
        self.assertEqual(len(set(names)), 18)
        self.assertIn("wear/male/<30", names)
        self.assertIsNone(lib.mcnn_class_name(self.model, 18))

    def test_bytes(self):
        status, p = self.classify(self.photo)
        self.assertEqual(status, OK, lib.mcnn_last_error())
        self.assertAlmostEqual(sum(p), 1, places=5)
        self.assertTrue(all(0 <= value <= 1 for value in p))
        self.assertGreater(max(p) - min(p), 1e-3)

    def test_decoded(self):
        width, height, stride = 50, 40, 160
        rows = b"".join(bytes((x * 5 + y) % 256 for x in range(width) for _ in range(3)).ljust(stride) for y in range(height))
        p = (c.c_float * self.classes)()
        self.assertEqual(lib.mcnn_classify_rgb(self.model, rows, width, height, stride, p, self.classes), OK)
        self.assertAlmostEqual(sum(p), 1, places=5)
        self.assertEqual(lib.mcnn_classify_rgb(self.model, rows, width, height, 149, p, self.classes), INVALID_ARGUMENT)
        self.assertIn(b"row_stride is 149", lib.mcnn_last_error())

    def test_mistakes(self):
        nothing = c.c_void_p()
        self.assertEqual(lib.mcnn_open(b"absent.safetensors", None, c.byref(nothing)), BAD_WEIGHTS)
        self.assertIn(b"absent.safetensors", lib.mcnn_last_error())
        self.assertFalse(nothing)
        self.assertEqual(lib.mcnn_open(None, None, c.byref(nothing)), INVALID_ARGUMENT)
        self.assertEqual(lib.mcnn_last_error(), b"path is null")
        self.assertEqual(self.classify(self.photo[: len(self.photo) // 2])[0], BAD_PHOTO)
        self.assertIn(b"not a whole JPEG", lib.mcnn_last_error())
        p = (c.c_float * self.classes)()
        self.assertEqual(lib.mcnn_classify_bytes(self.model, None, 3, p, self.classes), INVALID_ARGUMENT)
        self.assertEqual(lib.mcnn_last_error(), b"bytes is null")

    def test_two_threads(self):
        expected = self.classify(self.photo)
        answers = []
        threads = [threading.Thread(target=lambda: answers.extend(self.classify(self.photo) for _ in range(5))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [expected] * 10)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
