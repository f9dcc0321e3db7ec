"""From tokens to the tree: recursive descent along POSIX's grammar."""

from __future__ import annotations

from course_lib.engine.userland.awk import nodes as n
from course_lib.engine.userland.awk.lexer import AwkError, Token, tokens

_COMPARE = ("<", "<=", "==", "!=", ">", ">=")
_ASSIGN = ("=", "+=", "-=", "*=", "/=", "%=", "^=")


def parse(source: str) -> n.Program:
    """The tree of a program.

    :raises AwkError: it is none.
    """
    return _Parser(source).program()


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens: list[Token] = tokens(source)
        self._position = 0
        self._no_greater = 0

    # --- tokens ------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _is(self, *texts: str) -> bool:
        token = self._token
        return token.kind in ("operator", "keyword") and token.text in texts

    def _accept(self, *texts: str) -> str | None:
        if self._is(*texts):
            self._position += 1
            return self._tokens[self._position - 1].text
        return None

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._error()

    def _error(self) -> AwkError:
        return AwkError(f"cmd. line:{self._token.line}: Unexpected token")

    def _newlines(self) -> None:
        while self._token.kind == "newline":
            self._position += 1

    def _terminators(self) -> None:
        while self._token.kind == "newline" or self._is(";"):
            self._position += 1

    def _name(self) -> str:
        if self._token.kind not in ("name", "call"):
            raise self._error()
        self._position += 1
        return self._tokens[self._position - 1].text

    # --- program -----------------------------------------------------------------------------

    def program(self) -> n.Program:
        program = n.Program()
        self._terminators()
        while self._token.kind != "end":
            if self._accept("function"):
                function = self._function()
                program.functions[function.name] = function
            elif self._accept("BEGIN"):
                program.begin.append(self._block())
            elif self._accept("END"):
                program.end.append(self._block())
            else:
                program.rules.append(self._rule())
            self._terminators()
        return program

    def _function(self) -> n.Function:
        name = self._name()
        self._expect("(")
        parameters = []
        while not self._is(")"):
            parameters.append(self._name())
            if not self._accept(","):
                break
            self._newlines()
        self._expect(")")
        self._newlines()
        return n.Function(name, parameters, self._block())

    def _rule(self) -> n.Rule:
        pattern = end = None
        if not self._is("{"):
            pattern = self._expression()
            if self._accept(","):
                self._newlines()
                end = self._expression()
        return n.Rule(pattern, end, self._block() if self._is("{") else None)

    # --- statements --------------------------------------------------------------------------

    def _block(self) -> n.Block:
        self._expect("{")
        block = n.Block()
        self._terminators()
        while not self._is("}"):
            if self._token.kind == "end":
                raise self._error()
            block.body.append(self._statement())
            self._terminators()
        self._position += 1
        return block

    def _statement(self) -> n.Statement:
        if self._is("{"):
            return self._block()
        if self._accept("if"):
            return self._if()
        if self._accept("while"):
            self._expect("(")
            test = self._expression()
            self._expect(")")
            return n.While(test, self._body())
        if self._accept("do"):
            return self._do()
        if self._accept("for"):
            return self._for()
        if self._accept(";"):
            return n.Block()
        statement = self._simple()
        self._end_statement()
        return statement

    def _end_statement(self) -> None:
        if self._accept(";") or self._token.kind in ("newline", "end") or self._is("}"):
            return
        raise self._error()

    def _body(self) -> n.Statement:
        self._newlines()
        if self._accept(";"):
            return n.Block()
        return self._statement()

    def _if(self) -> n.If:
        self._expect("(")
        test = self._expression()
        self._expect(")")
        then = self._body()
        mark = self._position
        self._terminators()
        if self._accept("else"):
            return n.If(test, then, self._body())
        self._position = mark
        return n.If(test, then, None)

    def _do(self) -> n.While:
        body = self._body()
        self._terminators()
        self._expect("while")
        self._expect("(")
        test = self._expression()
        self._expect(")")
        return n.While(test, body, first=True)

    def _for(self) -> n.For | n.ForIn:
        self._expect("(")
        ahead = self._tokens[self._position : self._position + 4]
        if (
            len(ahead) == 4
            and ahead[0].kind == "name"
            and ahead[1].text == "in"
            and ahead[2].kind == "name"
            and ahead[3].text == ")"
        ):
            self._position += 4
            return n.ForIn(ahead[0].text, ahead[2].text, self._body())
        start = None if self._is(";") else self._simple()
        self._expect(";")
        self._newlines()
        test = None if self._is(";") else self._expression()
        self._expect(";")
        self._newlines()
        step = None if self._is(")") else self._simple()
        self._expect(")")
        return n.For(start, test, step, self._body())

    def _simple(self) -> n.Statement:
        if self._is("print", "printf"):
            return self._print()
        if self._accept("delete"):
            array = self._name()
            subscripts = None
            if self._accept("["):
                subscripts = self._list("]")
                self._expect("]")
            return n.Delete(array, subscripts)
        jump = self._accept("break", "continue", "next", "nextfile", "exit", "return")
        if jump:
            value = None
            if jump in ("exit", "return") and not (
                self._token.kind in ("newline", "end") or self._is(";", "}")
            ):
                value = self._expression()
            return n.Jump(jump, value)
        return n.Evaluate(self._expression())

    def _print(self) -> n.Print:
        formatted = self._token.text == "printf"
        self._position += 1
        arguments: list[n.Expression] = []
        ends = self._token.kind in ("newline", "end") or self._is(";", "}", ">", ">>", "|")
        if not ends:
            arguments = self._print_list()
        redirect = self._accept(">", ">>", "|") or ""
        target = self._concatenation(no_pipe=True) if redirect else None
        if formatted and not arguments:
            raise self._error()
        return n.Print(arguments, formatted, redirect, target)

    def _print_list(self) -> list[n.Expression]:
        """The arguments: with parentheses around all, ``>`` within is a comparison."""
        if self._is("("):
            mark = self._position
            self._position += 1
            inside, self._no_greater = self._no_greater, 0
            found = self._list(")")
            self._no_greater = inside
            self._expect(")")
            after = self._token
            if after.kind in ("newline", "end") or self._is(";", "}", ">", ">>", "|"):
                return found
            self._position = mark
        self._no_greater += 1
        found = self._list("")
        self._no_greater -= 1
        return found

    def _list(self, closing: str) -> list[n.Expression]:
        found: list[n.Expression] = []
        if closing and self._is(closing):
            return found
        found.append(self._expression())
        while self._accept(","):
            self._newlines()
            found.append(self._expression())
        return found

    # --- expressions -------------------------------------------------------------------------

    def _expression(self) -> n.Expression:
        left = self._ternary()
        if isinstance(left, n.Variable | n.FieldOf | n.Element) and self._is(*_ASSIGN):
            operator = self._token.text
            self._position += 1
            self._newlines()
            return n.Assign(left, operator[:-1], self._expression())
        return left

    def _ternary(self) -> n.Expression:
        test = self._or()
        if not self._accept("?"):
            return test
        self._newlines()
        yes = self._expression()
        self._newlines()
        self._expect(":")
        self._newlines()
        return n.Conditional(test, yes, self._expression())

    def _or(self) -> n.Expression:
        left = self._and()
        while self._accept("||"):
            self._newlines()
            left = n.Binary("||", left, self._and())
        return left

    def _and(self) -> n.Expression:
        left = self._in()
        while self._accept("&&"):
            self._newlines()
            left = n.Binary("&&", left, self._in())
        return left

    def _in(self) -> n.Expression:
        left = self._match()
        while self._accept("in"):
            left = n.Membership([left], self._name())
        return left

    def _match(self) -> n.Expression:
        left = self._comparison()
        while True:
            if self._is("!") and self._tokens[self._position + 1].text == "~":
                self._position += 2
                left = n.Binary("!~", left, self._comparison())
            elif self._accept("~"):
                left = n.Binary("~", left, self._comparison())
            else:
                return left

    def _comparison(self) -> n.Expression:
        left = self._concatenation()
        while self._is(*_COMPARE) and not (self._no_greater and self._is(">")):
            operator = self._token.text
            self._position += 1
            left = n.Binary(operator, left, self._concatenation())
        if self._is("|") and self._tokens[self._position + 1].text == "getline":
            left = self._piped(left)
        return left

    def _piped(self, left: n.Expression) -> n.Expression:
        while self._is("|") and self._tokens[self._position + 1].text == "getline":
            self._position += 2
            left = n.Getline(self._optional_target(), left, command=True)
        return left

    def _concatenation(self, *, no_pipe: bool = False) -> n.Expression:
        left = self._additive()
        while self._starts_operand():
            left = n.Binary(" ", left, self._additive())
        return left if no_pipe else self._piped(left)

    def _starts_operand(self) -> bool:
        token = self._token
        if token.kind in ("number", "string", "regex", "name", "call", "function"):
            return True
        if token.text == "in":
            return False
        if token.text == "!" and self._tokens[self._position + 1].text == "~":
            return False
        return self._is("$", "!", "(", "-", "+", "++", "--") and token.text not in ("+", "-")

    def _additive(self) -> n.Expression:
        left = self._multiplicative()
        while self._is("+", "-"):
            operator = self._token.text
            self._position += 1
            left = n.Binary(operator, left, self._multiplicative())
        return left

    def _multiplicative(self) -> n.Expression:
        left = self._unary()
        while self._is("*", "/", "%"):
            operator = self._token.text
            self._position += 1
            left = n.Binary(operator, left, self._unary())
        return left

    def _unary(self) -> n.Expression:
        operator = self._accept("!", "-", "+")
        if operator:
            return n.Unary(operator, self._unary())
        return self._power()

    def _power(self) -> n.Expression:
        base = self._postfix()
        if self._accept("^"):
            exponent = self._unary() if self._is("-", "+", "!") else self._power()
            return n.Binary("^", base, exponent)
        return base

    def _postfix(self) -> n.Expression:
        operand = self._primary()
        if isinstance(operand, n.Variable | n.FieldOf | n.Element):
            operator = self._accept("++", "--")
            if operator:
                return n.Step(operand, 1 if operator == "++" else -1, before=False)
        return operand

    def _primary(self) -> n.Expression:
        token = self._token
        if token.kind in ("number", "string", "regex"):
            self._position += 1
            if token.kind == "number":
                hexadecimal = token.text[:2] in ("0x", "0X")
                return n.Number(float(int(token.text, 16)) if hexadecimal else float(token.text))
            return n.String(token.text) if token.kind == "string" else n.Regex(token.text)
        if self._accept("$"):
            operator = self._accept("++", "--")
            if operator:
                return n.FieldOf(n.Step(self._primary(), 1 if operator == "++" else -1, True))
            if self._is("-", "+", "!"):
                return n.FieldOf(self._unary())
            return n.FieldOf(self._primary())
        step = self._accept("++", "--")
        if step:
            return n.Step(self._primary(), 1 if step == "++" else -1, before=True)
        if self._accept("("):
            return self._grouping()
        if self._accept("getline"):
            target = self._optional_target()
            source = self._primary() if self._accept("<") else None
            return n.Getline(target, source)
        if token.kind == "function":
            return self._builtin()
        if token.kind == "call":
            self._position += 1
            return n.Call(token.text, self._arguments(), builtin=False)
        if token.kind == "name":
            return self._variable()
        raise self._error()

    def _grouping(self) -> n.Expression:
        outer, self._no_greater = self._no_greater, 0
        found = self._list(")")
        self._no_greater = outer
        self._expect(")")
        if len(found) > 1:
            if not self._accept("in"):
                raise self._error()
            return n.Membership(found, self._name())
        if not found:
            raise self._error()
        return n.Group(found[0])

    def _variable(self) -> n.Expression:
        name = self._name()
        if self._accept("["):
            outer, self._no_greater = self._no_greater, 0
            subscripts = self._list("]")
            self._no_greater = outer
            self._expect("]")
            return n.Element(name, subscripts)
        return n.Variable(name)

    def _builtin(self) -> n.Expression:
        name = self._token.text
        self._position += 1
        if name == "length" and not self._is("("):
            return n.Call(name, [], builtin=True)
        return n.Call(name, self._arguments(), builtin=True)

    def _arguments(self) -> list[n.Expression]:
        self._expect("(")
        outer, self._no_greater = self._no_greater, 0
        self._newlines()
        found = self._list(")")
        self._newlines()
        self._no_greater = outer
        self._expect(")")
        return found

    def _optional_target(self) -> n.Expression | None:
        if self._token.kind == "name":
            return self._variable()
        if self._is("$"):
            return self._primary()
        return None
