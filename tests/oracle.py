"""A second reading of vae-model(5) in numpy, written from the manual: what oracle.bats holds the commands against."""
import csv
import json
import zlib

import numpy as np

KIND = {"F32": "<f4", "F64": "<f8", "I32": "<i4"}
ACT = {
    "silu": lambda a: a / (1 + np.exp(-a)),
    "relu": lambda a: np.maximum(a, 0),
    "tanh": np.tanh,
}


def stats():
    """scipy.stats takes a second to import: only where it is needed."""
    from scipy import stats
    return stats


def log_normal(x):
    return -0.5 * x**2 - 0.5 * np.log(2 * np.pi)


class Model:
    """The arrays of a model file as float64, and its metadata."""

    def __init__(self, path):
        self.bytes = open(path, "rb").read()
        n = int.from_bytes(self.bytes[:8], "little")
        assert n % 8 == 0
        head = json.loads(self.bytes[8 : 8 + n])
        meta = head.pop("__metadata__")
        assert all(isinstance(v, str) for v in meta.values())
        self.crc32 = meta["crc32"]
        self.meta = {k: json.loads(v) for k, v in meta.items() if v.startswith("{")}
        self.config = self.meta["config"]
        body = self.bytes[8 + n :]
        self.array = {}
        end = 0
        for name, t in sorted(head.items(), key=lambda item: item[1]["data_offsets"]):
            begin, end_next = t["data_offsets"]
            assert begin == end, "gaps or overlaps"
            end = end_next
            self.array[name] = np.frombuffer(body[begin:end], KIND[t["dtype"]]).reshape(t["shape"]).astype("f8")
        assert end == len(body)
        self.k = self.config["latent_dim"]
        self.top = max(self.k // 4, 1) if self.config["latent"] == "ladder" else self.k

    def computed_crc32(self):
        at = self.bytes.index(b'"crc32":"') + 9
        return "%08x" % zlib.crc32(self.bytes[:at] + b"0" * 8 + self.bytes[at + 8 :])

    def net(self, part, x, hidden):
        """x[n, in] through the layers of a part."""
        act, count = ACT[self.config["act"]], 0

        def layer(a):
            nonlocal count
            w, b = self.array[f"{part}.{count}.weight"], self.array[f"{part}.{count}.bias"]
            count += 1
            return a @ w.T + b

        def norm(a):
            return (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)

        a = x
        for i, width in enumerate(hidden):
            if self.config["net"] == "mlp":
                a = act(layer(a))
                continue
            if i == 0 or width != hidden[i - 1]:
                a = layer(a)
            a = a + layer(act(layer(norm(a))))
        a = layer(a)
        assert f"{part}.{count}.weight" not in self.array, "layers are left over"
        return a

    def encode(self, raw):
        """Records in input units -> mean, sd of the posterior."""
        x = (raw - self.array["schema.center"]) / self.array["schema.scale"]
        far = np.maximum(np.abs(x), 4)
        x = np.where(np.abs(x) > 4, np.copysign(4 + np.log(far - 3), x), x)
        h = self.net("encoder", x, self.config["hidden"])
        if self.config["latent"] == "ladder":
            return h
        return h[:, : self.k], np.exp(np.clip(h[:, self.k :], -14, 6) / 2)

    def outputs(self, z):
        return self.net("decoder", z, self.config["hidden"][::-1])

    def mixture(self, o):
        """Of dlogistic: shares, means and scales [n, d, 5] and the steps h [d]."""
        a, m, log_s = np.moveaxis(o.reshape(len(o), -1, 3, 5), 2, 0)
        a = np.exp(a - a.max(2, keepdims=True))
        decimals = np.array([c["decimals"] for c in self.meta["schema"]["columns"]])
        h = 1 / np.round(self.array["schema.scale"] * 10.0**decimals)
        return a / a.sum(2, keepdims=True), m / 4, np.exp(np.clip(log_s, np.log(h)[:, None] - 3, 1)), h

    def draw(self, raw, e):
        """Latents by the noise e[n, k], log q and log p of them."""
        h, u = self.encode(raw), self.top
        if self.config["latent"] != "ladder":
            mean, sd = h
            z = mean + sd * e
            return z, log_normal(e).sum(1) - np.log(sd).sum(1), self.log_prior(z)
        top = h[:, :u] + np.exp(np.clip(h[:, u : 2 * u], -14, 6) / 2) * e[:, :u]
        log_q = log_normal(e).sum(1) - np.clip(h[:, u : 2 * u], -14, 6).sum(1) / 2
        t = self.net("latent", top, [self.config["hidden"][-1]] * 2)
        half = self.k - u
        m, v, mp, vp = h[:, 2 * u : 2 * u + half], h[:, 2 * u + half :], t[:, :half], t[:, half:]
        v, vp = np.clip(v, -14, 6), np.clip(vp, -14, 6)
        precision = np.exp(-v) + np.exp(-vp)
        below = (m * np.exp(-v) + mp * np.exp(-vp)) / precision + e[:, u:] / np.sqrt(precision)
        log_q += np.log(precision).sum(1) / 2
        log_p = self.log_prior(top) + (log_normal((below - mp) / np.exp(vp / 2)) - vp / 2).sum(1)
        return np.hstack([top, below]), log_q, log_p

    def log_prior(self, z):
        """log p of latents, of a ladder of the upper level."""
        kind, p = self.meta["prior"]["kind"], self.array.get("prior")
        if kind == "vamp":
            p = p.reshape(-1, 2, z.shape[1])
            c = (log_normal((z[:, None] - p[:, 0]) / np.exp(p[:, 1] / 2)) - p[:, 1] / 2).sum(2)
            return np.log(np.exp(c).mean(1))
        if kind != "realnvp":
            return log_normal(z).sum(1)
        z, k, total = z.copy(), z.shape[1], 0
        width = min(max(32, 2 ** int(np.ceil(np.log2(4 * k)))), 256)
        for layer in range(6 if k > 1 else 1):
            bit = layer // 2 % max((k - 1).bit_length(), 1)
            move = [j for j in range(k) if (j >> bit) % 2 == layer % 2]
            stay = [j for j in range(k) if j not in move]
            a = z[:, stay] if stay else np.zeros((len(z), 1))
            for i, size in enumerate((width, width, 2 * len(move))):
                n = a.shape[1]
                w, b, p = p[: size * n].reshape(size, n), p[size * n : size * n + size], p[size * n + size :]
                a = a @ w.T + b
                a = ACT["silu"](a) if i < 2 else a
            s = 2 * np.tanh(a[:, : len(move)] / 2)
            z[:, move] = z[:, move] * np.exp(s) + a[:, len(move) :]
            total = total + s.sum(1)
        assert not len(p)
        return total + log_normal(z).sum(1)

    def decode_model(self, z):
        """Means that the decoder tells, in values of the model."""
        o, lik = self.outputs(z), self.config["lik"]
        if lik == "bernoulli":
            return 1 / (1 + np.exp(-o))
        if lik == "cbernoulli":
            return 1 / (1 - np.exp(-o)) - 1 / o
        if lik == "dlogistic": # of what is clipped to 0..1, by quadrature over the survival function
            a, m, s, _ = self.mixture(o)
            x = (np.arange(500) + 0.5) / 500
            return sum((a * stats().logistic.sf(t, m, s)).sum(2) for t in x) / 500
        return o

    def decode(self, z):
        """Latents -> means in input units."""
        return self.decode_model(z) * self.array["schema.scale"] + self.array["schema.center"]

    def recon(self, raw, z):
        """-log p(x given z) in nats, densities in input units."""
        s, o, lik = self.array["schema.scale"], self.outputs(z), self.config["lik"]
        x = (raw - self.array["schema.center"]) / s
        if lik == "bernoulli":
            return (np.logaddexp(0, o) - x * o).sum(1)
        if lik == "cbernoulli":
            return (np.log(np.expm1(o) / o) - x * o + np.log(s)).sum(1)
        if lik == "dlogistic":
            a, m, width, h = self.mixture(o)
            up = np.where(x > 1 - h / 2, np.inf, x + h / 2)[:, :, None]
            down = np.where(x < h / 2, -np.inf, x - h / 2)[:, :, None]
            t = stats().logistic
            p = np.where(m < x[:, :, None], t.sf(down, m, width) - t.sf(up, m, width),
                         t.cdf(up, m, width) - t.cdf(down, m, width))
            return -np.log((a * p).sum(2)).sum(1)
        log_sd = self.array["likelihood"]
        if lik == "laplace":
            return (np.log(s) - stats().laplace.logpdf(x, o, np.exp(log_sd))).sum(1)
        return (0.5 * np.log(2 * np.pi) + log_sd + 0.5 * ((x - o) / np.exp(log_sd)) ** 2 + np.log(s)).sum(1)


def table(path, drop=0):
    """Header and numbers of a CSV file without its first `drop` columns."""
    rows = list(csv.reader(open(path, newline="")))
    return rows[0][drop:], np.array([[float(c) if c else np.nan for c in r[drop:]] for r in rows[1:]])
