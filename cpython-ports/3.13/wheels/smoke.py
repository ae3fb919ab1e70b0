"""Uses each of the packages a little, their compiled parts above all, and prints their versions."""

import importlib.metadata
import io

import cryptography.exceptions
import lxml.etree
import numpy
import pandas
import pydantic
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519

matrix = numpy.arange(6).reshape(2, 3)
assert (matrix @ matrix.T).tolist() == [[5, 14], [14, 50]]
assert abs(numpy.linalg.det(numpy.array([[2.0, 1.0], [1.0, 2.0]])) - 3) < 1e-9
assert numpy.fft.fft([1, 0, 0, 0]).real.tolist() == [1, 1, 1, 1]
assert 0 <= numpy.random.default_rng(7).random() < 1

frame = pandas.DataFrame({"word": ["one", "two", "one"], "count": [1, 2, 3]})
assert frame.groupby("word")["count"].sum().to_dict() == {"one": 4, "two": 2}
assert pandas.read_csv(io.StringIO("a,b\n1,2\n")).loc[0, "b"] == 2
assert str(pandas.Timestamp("2024-02-29") + pandas.DateOffset(years=1)) == "2025-02-28 00:00:00"

tree = lxml.etree.fromstring("<a><b n='1'/><b n='2'/></a>")
assert tree.xpath("sum(b/@n)") == 3.0
try:
    lxml.etree.fromstring("<a>")
except lxml.etree.XMLSyntaxError as error:
    assert error.lineno == 1


class Point(pydantic.BaseModel):
    x: int
    y: list[float] = []


assert Point.model_validate_json('{"x": "3", "y": [1]}').model_dump() == {"x": 3, "y": [1.0]}
try:
    Point(x="no")
except pydantic.ValidationError as error:
    assert error.error_count() == 1

fernet = Fernet(Fernet.generate_key())
assert fernet.decrypt(fernet.encrypt(b"words")) == b"words"
try:
    fernet.decrypt(b"words")
except InvalidToken:
    pass
digest = hashes.Hash(hashes.SHA256())
digest.update(b"")
assert digest.finalize().hex().startswith("e3b0c44298fc1c14")
key = ed25519.Ed25519PrivateKey.generate()
try:
    key.public_key().verify(key.sign(b"a"), b"b")
except cryptography.exceptions.InvalidSignature:
    pass

for name in ("numpy", "pandas", "lxml", "pydantic", "cryptography"):
    print(name, importlib.metadata.version(name), end=" ")
