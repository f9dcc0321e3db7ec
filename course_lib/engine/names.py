"""Random names for containers that were given none, in Docker's form ``adjective_surname``.

The words are our own choice; the form, and the digit that is appended from the second attempt
on, are those of Moby's ``namesgenerator``.
"""

from __future__ import annotations

from random import Random

ADJECTIVES = (
    "able agile amber ample azure bold brave bright brisk calm candid casual cheerful clever cool "
    "cosmic crisp curious daring deft eager early earnest epic fair famous fancy fond frank fresh "
    "gallant gentle gifted glad golden grand happy hardy honest humble jolly keen kind lively "
    "loyal lucid lucky mellow merry mild modest neat nimble noble patient plucky polite proud "
    "quick quiet rapid ready robust serene sharp shiny silent sleek smart snappy solid spry "
    "steady stoic sturdy sunny swift tender tidy trusty upbeat valiant vivid warm wise witty zen"
).split()

SURNAMES = (
    "ampere archimedes babbage bardeen bell bohr boole cantor cerf church cori curie darwin "
    "davinci dijkstra easley einstein euclid euler faraday fermat fermi feynman franklin galileo "
    "gauss germain goodall hamilton hawking hertz hodgkin hopper hypatia johnson joliot kepler "
    "knuth lamarr leavitt liskov lovelace maxwell mayer mccarthy meitner mendel moore neumann "
    "newton nobel noether pascal pasteur perlman planck ptolemy ramanujan ride ritchie sammet "
    "shannon tesla thompson torvalds turing volta wiles wing wozniak wright yalow"
).split()


def random_container_name(rng: Random, attempt: int) -> str:
    """Draw one name; from the second attempt (``attempt >= 1``) on, a digit makes clashes rarer."""
    name = f"{rng.choice(ADJECTIVES)}_{rng.choice(SURNAMES)}"
    return f"{name}{rng.randrange(10)}" if attempt else name
