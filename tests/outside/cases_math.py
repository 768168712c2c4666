# ruff: noqa: E501
"""Answers and references of public reports about answer checking, and what each pair must score.

``math_own*.tsv`` beside this file hold pairs that were made around them, in the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from outside_case import Case

OWN = sorted(Path(__file__).resolve().parent.glob("math_own*.tsv"))
RESPONSES = ("F", "G")
"""Kinds whose answers are whole responses."""

# kind, sure or arguable, expected score, reference, answer
REPORTED = r"""
A	sure	0	(5,2)	y=5, x=2
A	sure	0	(x,y)=(5,2)	y=5, x=2
A	sure	1	(5,2)	y=2, x=5
A	sure	1	(x,y)=(5,2)	y=2, x=5
B	arguable	0	3	3 fewer
B	arguable	0	3	3 pairs
B	arguable	0	3	3 remainder
B	arguable	0	3	3 unknown
B	arguable	0	3	3 without remainder
B	sure	0	2	x=2n
B	sure	0	3	3 excluded
B	sure	0	3	3 extraneous
B	sure	0	3	3 gross
B	sure	0	3	3 impossible
B	sure	0	3	3 lakh
B	sure	0	3	3 rejected
B	sure	0	3	3 score
B	sure	0	3	3\text{ n}
B	sure	0	3	3f
B	sure	0	3	3g
B	sure	0	3	3h
B	sure	0	3	3k
B	sure	0	3	3n
B	sure	0	3	n=3k
B	sure	0	5	x=5k
B	sure	1	1.73 m	1.73
B	sure	1	5 N	5
B	sure	1	5 g	5
B	sure	1	5 h	5
B	sure	1	5 m	5
C	arguable	0	\ln x	\ln|x|
C	arguable	0	\sqrt{x}	\sqrt{|x|}
C	arguable	0	x	(\sqrt{x})^2
C	arguable	1	\frac{(n+1)^{(n+2)/(n+1)}}{n+2}	\frac{1}{n+2}\left((n+1)^{1/(n+1)}\right)^{n+2}
C	sure	1	\frac{1}{\sqrt{n}}	\sqrt{1/n}
C	sure	1	\frac{1}{\sqrt{n}}	\sqrt{\frac1n}
C	sure	1	\frac{2\pi}{(k/m)^{1/2}}	2\pi(m/k)^{1/2}
D	sure	0	(1) 3 (2) 4	(1) 4 (2) 3
D	sure	0	(1) 3 (2) 4	24
D	sure	0	(a) 3 (b) 4	(a) 4 (b) 3
D	sure	1	(a) 3 (b) 4	(a) 3, (b) 4
E	arguable	1	5	\log_2 x=5
E	arguable	1	5	\max = 5
E	arguable	1	5	a+b+c=2+2+1=5
E	arguable	1	5	a+b=5
E	sure	1	12	Area = 12
E	sure	1	12	[ABC]=12
E	sure	1	12	\text{Area} = 12 \text{ cm}^2
E	sure	1	2x	f'(x)=2x
E	sure	1	3:5	AB:BC=3:5
E	sure	1	4	AB=4
E	sure	1	5	\det A=5
E	sure	1	5	\sigma^2=5
E	sure	1	5	f'(2)=5
E	sure	1	5	|AB|=5
E	sure	1	5	|\vec{v}|=5
E	sure	1	60	\angle A=60
E	sure	1	60^\circ	\angle ABC = 60^\circ
E	sure	1	6x	\frac{d^2y}{dx^2}=6x
E	sure	1	\angle ABC=30^\circ	30
E	sure	1	\begin{pmatrix}1&2\\3&4\end{pmatrix}	A^{-1}=\begin{pmatrix}1&2\\3&4\end{pmatrix}
E	sure	1	\frac{1}{2}	P(A\cap B)=\frac12
E	sure	1	\overline{z}=3-4i	3-4i
E	sure	1	f'(x)=2x	2x
F	arguable	0	5	<think>a<think>b</think>\boxed{5}</think>No answer.
F	sure	0	5	<THINK>\boxed{5}</THINK>No answer.
F	sure	0	5	<answer>6</answer><answer>5</answer>
F	sure	0	5	<think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think><think>\boxed{5}
F	sure	0	5	<think>I may say <answer>5</answer> or 6; let me
F	sure	0	5	<think>so it may be \boxed{5}, let me check
F	sure	1	5	<answer>5</answer> I put it in <answer> as asked.
G	sure	0	5	\boxed{6} or \boxed{5}
G	sure	1	3, 5, 7	The answers are \boxed{3}, \boxed{5}, \boxed{7}
G	sure	1	7	\boxed 7
G	sure	1	7	\boxed {7}
G	sure	1	7	\fbox{7}
H	arguable	1	1 and all odd primes	1 and odd prime numbers
H	arguable	1	3/4	3/4 (switch)
H	arguable	1	4	4 (not 5)
H	arguable	1	4	It is 4
H	arguable	1	7	<answer>She has 7 apples left.</answer>
H	arguable	1	72	72 (approx.)
H	arguable	1	\text{impossible}	It is impossible
H	sure	1	4	#### 4
H	sure	1	4	**Answer:** 4.
H	sure	1	4	Therefore, 4
H	sure	1	72	72,
H	sure	1	72	72;
H	sure	1	\text{no solution}	There is no real solution.
H	sure	1	f(x)=cx	f(x)=cx \text{ for any constant } c
H	sure	1	x<5	less than 5
I	arguable	0	1,234	1, 234
I	arguable	1	12	١٢
I	arguable	1	1234567	1_234_567
I	arguable	1	2F_{16}	0x2F
I	arguable	1	2\frac{3}{4}	two and three quarters
I	arguable	1	3^{rd}	3
I	arguable	1	\text{1A3}_{16}	1A3_{16}
I	arguable	1	€12.50	12,50 €
I	sure	1	0.\overline{12}	0.121212...
I	sure	1	1011_2	(1011)_2
I	sure	1	1011_2	1011_{\text{two}}
I	sure	1	1234567	1'234'567
I	sure	1	1234567.89	1.234.567,89
I	sure	1	ABC_{16}	abc_{16}
I	sure	1	one hundred and five	105
J	arguable	1	2^{50}\cdot 50!	100!!
J	arguable	1	[0, \\frac{1}{2}]	[0, \frac{1}{2}]
J	arguable	1	\frac{1}{2}	\\frac{1}{2}
J	sure	1	1+i	\sqrt{2}\operatorname{cis}\frac{\pi}{4}
J	sure	1	2, 3, 5	2\\3\\5
J	sure	1	2:3	2 \text{ to } 3
J	sure	1	5	5\\
J	sure	1	5	\textcolor{red}{5}
J	sure	1	\begin{pmatrix}1&2\\3&4\end{pmatrix}	A = \begin{pmatrix} 1 & 2 \\[4pt] 3 & 4 \end{pmatrix}
J	sure	1	\binom{10}{3}	^{10}C_3
J	sure	1	\binom{10}{3}	{}_{10}C_{3}
J	sure	1	\frac{1}{2}	\sfrac{1}{2}
J	sure	1	\log_2 3	log2(3)
K	arguable	1	x^2+C	x^2 + \text{constant}
K	sure	1	\frac{1}{2}\sin^2x+C	-\frac12\cos^2x+C
K	sure	1	y=C_1e^x+C_2e^{-x}	y=Ae^x+Be^{-x}
L	arguable	1	x=\pm 3	|x|=3
L	sure	1	(\pm 1, 2)	(1,2), (-1,2)
L	sure	1	\begin{cases}1&x>0\\0&x\le 0\end{cases}	\begin{cases}0&x\le 0\\1&x> 0\end{cases}
L	sure	1	\{1,2,3\}	\{x\in\mathbb{Z}\mid 1\le x\le 3\}
L	sure	1	f(x)=\begin{cases}1&\text{if }x>0\\0&\text{otherwise}\end{cases}	\begin{cases}1, & x>0 \\ 0, & \text{otherwise}\end{cases}
L	sure	1	x\equiv 3\pmod 7	x=7k+3
M	arguable	1	1990	1990 AD
M	arguable	1	3:30 \text{ PM}	15:30
M	arguable	1	March 5	5th of March
M	sure	0	10:20	1/2
M	sure	0	12:30	24:60
M	sure	0	1:30	2:60
M	sure	1	3:00 PM	3 PM
N	arguable	1	5'6"	66 inches
N	sure	1	1 gallon	4 quarts
N	sure	1	10\ \mathrm{MPa}	10^7\ \mathrm{Pa}
N	sure	1	2 tons	4000 pounds
N	sure	1	4\ \mathrm{N\cdot m}	4 N m
N	sure	1	5\ \Omega	5
N	sure	1	5\ \mu\text{m}	5
N	sure	1	5\ \text{eV}	5
N	sure	1	5\ \text{kPa}	5000 Pa
N	sure	1	5\ \text{mol/L}	5
N	sure	1	5\,\Omega	5 ohms
O	sure	0	0	\lfloor |x|/5\rfloor
O	sure	0	x	\min(x,5)
P	arguable	0	10^{-60}	\sin(10^{-60})
Q	arguable	0	1/3	\int_0^1 x^2\,dx
Q	arguable	0	142	\lfloor 1000/7\rfloor
Q	arguable	0	2	100 \bmod 7
Q	arguable	0	391	17\times 23
Q	arguable	0	55	\sum_{k=1}^{10}k
Q	arguable	0	6	\gcd(12,18)
R	arguable	0	10	10_7
R	arguable	0	5	500 cents
R	arguable	0	5	500%
V	arguable	0	AB	BA
V	sure	0	A^TB	BA^T
V	sure	0	f(g(x))	g(f(x))
V	sure	0	p\land q	p\lor q
V	sure	0	u\times v	v\times u
V	sure	1	A\cup B	B\cup A
Z	arguable	0	x=5	x-5=0
Z	arguable	1	3 \text{ remainder } 2	3 R 2
Z	arguable	1	5^\circ C	5^\circ
Z	arguable	1	[-\infty,3)	(-\infty,3)
Z	arguable	1	\frac{1}{4}	1 in 4
Z	arguable	1	\mathrm{CO_2}	CO2
Z	arguable	1	isosceles right triangle	right isosceles triangle
Z	arguable	1	x_1	x1
"""


def cases() -> Iterator[Case]:
    """One case a pair."""
    for text, own in ((REPORTED, False), *((path.read_text(encoding="utf-8"), True) for path in OWN)):
        for line in text.splitlines():
            if line.strip() and not line.startswith("# "):
                kind, certainty, expected, reference, answer = line.split("\t")
                name = f"{reference} <- {answer}"
                yield Case(kind, name, _check(kind, reference, answer, int(expected)), certainty == "sure", own)


def _check(kind: str, reference: str, answer: str, expected: int) -> Callable[[], None]:
    def check() -> None:
        from verl_agentic.reward_fns.common import Verdict
        from verl_agentic.reward_fns.math import _judge, compute_score

        if kind in RESPONSES or "<answer>" in answer:
            got = int(compute_score("math", answer, reference)["acc"])
        else:
            # Longer than a reward waits: a busy machine is no reason for another verdict.
            got = int(_judge.decide(answer, reference, seconds=20.0).verdict is Verdict.RIGHT)
        assert got == expected, f"got {got}, expected {expected}"

    return check
